-- Deletes a final execution with all of its rows. Its keys go as well: the next enqueue with one of
-- them creates an execution.
-- $1  the seq of the execution
DELETE FROM jobs_idempotency_keys
WHERE execution_id = (SELECT id FROM jobs_executions WHERE seq = $1)
    AND job_id = (SELECT job_id FROM jobs_executions WHERE seq = $1);

DELETE FROM jobs_unique_keys WHERE execution_id = (SELECT id FROM jobs_executions WHERE seq = $1);

DELETE FROM jobs_limited WHERE seq = $1;

DELETE FROM jobs_logs WHERE seq = $1;

DELETE FROM jobs_attempts WHERE seq = $1;

DELETE FROM jobs_outcomes WHERE seq = $1;

DELETE FROM jobs_executions WHERE seq = $1;
