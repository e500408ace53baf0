-- Deletes final executions with all of their rows. Their keys go as well: the next enqueue with one
-- of them creates an execution.
-- $1  JSON array: the seqs of the executions
DELETE FROM jobs_idempotency_keys
WHERE execution_id IN (
    SELECT id FROM jobs_executions WHERE seq IN (SELECT value FROM json_each($1))
);

DELETE FROM jobs_unique_keys
WHERE execution_id IN (
    SELECT id FROM jobs_executions WHERE seq IN (SELECT value FROM json_each($1))
);

DELETE FROM jobs_limited WHERE seq IN (SELECT value FROM json_each($1));

DELETE FROM jobs_logs WHERE seq IN (SELECT value FROM json_each($1));

DELETE FROM jobs_attempts WHERE seq IN (SELECT value FROM json_each($1));

DELETE FROM jobs_outcomes WHERE seq IN (SELECT value FROM json_each($1));

DELETE FROM jobs_executions WHERE seq IN (SELECT value FROM json_each($1));
