-- Reads the executions that move_due.sql would move.
-- $1  the present time
-- $2  the most executions
-- Returns their ids.
SELECT x.id
FROM jobs_scheduled AS s
CROSS JOIN jobs_executions AS x ON x.seq = s.seq
WHERE s.run_at <= $1
ORDER BY s.run_at, s.seq
LIMIT $2;
