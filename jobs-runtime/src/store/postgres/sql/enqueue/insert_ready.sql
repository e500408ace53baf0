-- Second part of an enqueue without limits: inserts the due executions into `ready`.
INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent)
SELECT seq, 100 - priority, queue, job_id, 1, 0 FROM created WHERE run_at <= created_at
