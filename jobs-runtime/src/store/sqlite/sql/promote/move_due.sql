-- Moves due executions: those without limits become ready, those with limits become blocked.
-- $1  the present time
-- $2  the most executions
-- Returns one row: 'promoted', the number of executions that became ready.
INSERT INTO jobs_ready (queue, rank, seq, job_id, attempt, spent)
SELECT x.queue, 100 - x.priority, x.seq, x.job_id, s.attempt, s.spent
FROM (SELECT * FROM jobs_scheduled WHERE run_at <= $1 ORDER BY run_at, seq LIMIT $2) AS s
CROSS JOIN jobs_executions AS x ON x.seq = s.seq
LEFT JOIN jobs_limited AS m ON m.seq = x.seq
WHERE m.limits IS NULL;

SELECT 'promoted', changes();

INSERT INTO jobs_blocked (seq, limit_id, rank, attempt, spent, passed)
SELECT x.seq, 0, 100 - x.priority, s.attempt, s.spent, 0
FROM (SELECT * FROM jobs_scheduled WHERE run_at <= $1 ORDER BY run_at, seq LIMIT $2) AS s
CROSS JOIN jobs_executions AS x ON x.seq = s.seq
CROSS JOIN jobs_limited AS m ON m.seq = x.seq
WHERE m.limits IS NOT NULL;

DELETE FROM jobs_scheduled
WHERE seq IN (SELECT seq FROM jobs_scheduled WHERE run_at <= $1 ORDER BY run_at, seq LIMIT $2);
