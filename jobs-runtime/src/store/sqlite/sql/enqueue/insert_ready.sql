-- Makes the executions that insert_executions.sql has written ready, except delayed ones. For
-- batches without limits; insert_limited.sql is for the others.
-- $2  the number of executions that insert_executions.sql has written
INSERT INTO jobs_ready (queue, rank, seq, job_id, attempt, spent)
SELECT queue, 100 - priority, seq, job_id, 1, 0
FROM jobs_executions
WHERE seq > (SELECT MAX(seq) FROM jobs_executions) - $2 AND run_at <= created_at;
