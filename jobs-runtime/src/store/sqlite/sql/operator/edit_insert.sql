-- Inserts an edited execution into the table where it waits: scheduled with a time, else blocked
-- with limits, else ready.
-- $1  the seq of the execution
-- $2  the number of its next attempt
-- $3  the attempts that count against its budget
-- $4  the time at which it is due; NULL for now
-- $5  whether it has limits
INSERT INTO jobs_scheduled (seq, run_at, attempt, spent)
SELECT $1, $4, $2, $3 WHERE $4 IS NOT NULL;

INSERT INTO jobs_blocked (seq, limit_id, rank, attempt, spent, passed)
SELECT seq, 0, 100 - priority, $2, $3, 0
FROM jobs_executions
WHERE seq = $1 AND $4 IS NULL AND $5;

INSERT INTO jobs_ready (queue, rank, seq, job_id, attempt, spent)
SELECT queue, 100 - priority, seq, job_id, $2, $3
FROM jobs_executions
WHERE seq = $1 AND $4 IS NULL AND NOT $5;
