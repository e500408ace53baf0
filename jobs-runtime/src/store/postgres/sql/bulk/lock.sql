-- Locks the bulk operation $1 until the end of the transaction, and reads it.
SELECT
    id, request, status, expected, exact, changed, skipped, created_by, created_at, updated_at,
    finished_at, position
FROM jobs.operations
WHERE id = $1
FOR UPDATE
