-- Ends a bulk operation that runs.
-- $1  the id
-- $2  the present time
UPDATE jobs.operations SET status = 'cancelled', finished_at = $2, updated_at = $2
WHERE id = $1 AND finished_at IS NULL
