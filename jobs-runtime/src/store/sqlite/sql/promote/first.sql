-- The first of those that are due at $1.
SELECT x.id
FROM jobs_scheduled AS s
CROSS JOIN jobs_executions AS x ON x.seq = s.seq
WHERE s.run_at <= $1
ORDER BY s.run_at, s.seq
LIMIT 1;
