-- Finds the execution that move_due.sql would move first.
-- $1  the present time
-- Returns its id, or no row.
SELECT x.id
FROM jobs_scheduled AS s
CROSS JOIN jobs_executions AS x ON x.seq = s.seq
WHERE s.run_at <= $1
ORDER BY s.run_at, s.seq
LIMIT 1;
