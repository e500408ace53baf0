-- Reads the bulk operations that run, the oldest first. The caller takes the first
-- that it can read.
SELECT
    id, request, status, expected, exact, changed, skipped, created_by, created_at, updated_at,
    finished_at, position
FROM jobs.operations
WHERE finished_at IS NULL
ORDER BY created_at, id
LIMIT 100
