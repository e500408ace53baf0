-- The last $2 executions are ready, unless they are delayed.
INSERT INTO jobs_ready (queue, rank, seq, job_id, attempt, spent)
SELECT queue, 100 - priority, seq, job_id, 1, 0
FROM jobs_executions
WHERE seq > (SELECT MAX(seq) FROM jobs_executions) - $2 AND run_at <= created_at;
