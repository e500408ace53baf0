-- Erases what callers and handlers have written into a final execution. A repeated erasure keeps
-- the time and the author of the first.
-- $1  the seq of the execution
-- $2  the present time
-- $3  the author
UPDATE jobs_executions
SET payload = '{}', erased_by = iif(erased_at IS NULL, $3, erased_by),
    erased_at = IFNULL(erased_at, $2)
WHERE seq = $1;

UPDATE jobs_outcomes
SET result = NULL, progress_message = NULL,
    error_message = iif(error_message IS NULL, NULL, 'erased')
WHERE seq = $1;

UPDATE jobs_attempts
SET result = NULL, progress_message = NULL,
    error_message = iif(error_message IS NULL, NULL, 'erased')
WHERE seq = $1;

DELETE FROM jobs_logs WHERE seq = $1;

DELETE FROM jobs_unique_keys WHERE execution_id = (SELECT id FROM jobs_executions WHERE seq = $1);
