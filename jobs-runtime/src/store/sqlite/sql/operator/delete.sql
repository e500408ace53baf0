-- Deletes the final execution $1 and everything that was kept of it; also the idempotency keys
-- that name it, so that the next call with one creates an execution instead of naming none.
DELETE FROM jobs_idempotency_keys
WHERE execution_id = (SELECT id FROM jobs_executions WHERE seq = $1)
    AND job_id = (SELECT job_id FROM jobs_executions WHERE seq = $1);

DELETE FROM jobs_unique_keys WHERE execution_id = (SELECT id FROM jobs_executions WHERE seq = $1);

DELETE FROM jobs_limited WHERE seq = $1;

DELETE FROM jobs_logs WHERE seq = $1;

DELETE FROM jobs_attempts WHERE seq = $1;

DELETE FROM jobs_outcomes WHERE seq = $1;

DELETE FROM jobs_executions WHERE seq = $1;
