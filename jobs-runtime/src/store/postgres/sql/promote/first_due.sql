-- The first of those that are due at $1.
SELECT x.id
FROM jobs.scheduled AS s
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[s.seq])
WHERE s.run_at <= $1
ORDER BY s.run_at, s.seq
LIMIT 1
