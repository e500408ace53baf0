-- Reads bulk operations, newest first.
-- $1  the id; NULL for any
-- $2  the most operations
SELECT
    id, request, status, expected, exact, changed, skipped, created_by, created_at, updated_at,
    finished_at, position
FROM jobs.operations
WHERE $1::text IS NULL OR id = $1
ORDER BY created_at DESC, id DESC
LIMIT $2
