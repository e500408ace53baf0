-- Deletes bulk operations that have ended.
-- $1  the time before which an operation must have ended
-- $2  the most operations
DELETE FROM jobs_operations
WHERE id IN (
    SELECT id FROM jobs_operations WHERE finished_at < $1 ORDER BY finished_at LIMIT $2
)
