-- Creates a bulk operation, at a position behind the newest execution. Does nothing if its id
-- exists.
-- $1  id            $4  expected matches   $6  creator
-- $2  request       $5  whether that is    $7  the present time
-- $3  status            their exact number
INSERT INTO jobs_operations (
    id, request, status, expected, exact, changed, skipped, created_by, created_at, updated_at,
    position
)
SELECT $1, $2, $3, $4, $5, 0, '{}', $6, $7, $7, IFNULL(MAX(seq), 0) + 1
FROM jobs_executions
WHERE TRUE
ON CONFLICT DO NOTHING
