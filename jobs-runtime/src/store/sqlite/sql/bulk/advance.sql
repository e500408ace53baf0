-- Writes the counts and the position of a bulk operation after a batch.
-- $1  the id
-- $2  the executions that it has changed
-- $3  the skipped executions by reason (JSON object)
-- $4  the new position; NULL ends the operation
-- $5  the present time
UPDATE jobs_operations
SET changed = $2, skipped = $3, updated_at = $5, position = IFNULL($4, 0),
    status = iif($4 IS NULL, 'done', status), finished_at = iif($4 IS NULL, $5, NULL)
WHERE id = $1
