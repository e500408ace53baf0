-- Creates the bulk operation $1 at a position behind the newest execution, unless its id exists.
-- $2 request, $3 status, $4 expected matches, $5 whether that is their exact number, $6 creator,
-- $7 the present time.
INSERT INTO jobs.operations (
    id, request, status, expected, exact, changed, skipped, created_by, created_at, updated_at,
    position
)
SELECT $1, $2, $3, $4, $5, 0, '{}', $6, $7, $7, COALESCE(MAX(seq), 0) + 1
FROM jobs.executions
ON CONFLICT DO NOTHING
