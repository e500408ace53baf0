-- Puts the execution $1 where it waits now: until $4, or at once if that is NULL, at the door if $5. Its next
-- attempt is $2, it has spent $3.
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
