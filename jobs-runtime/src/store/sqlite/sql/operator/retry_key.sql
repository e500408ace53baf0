-- Makes an execution the newest one with its unique key.
-- $1  the seq of the execution
-- $2  the unique key
INSERT OR REPLACE INTO jobs_unique_keys (job_id, kind, key, execution_id)
SELECT job_id, 'unique', $2, id FROM jobs_executions WHERE seq = $1
