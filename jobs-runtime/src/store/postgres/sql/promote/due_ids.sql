-- Reads the first $2 scheduled executions that a promotion at the time $1 would move. Returns ids.
SELECT x.id
FROM jobs.scheduled AS s
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[s.seq])
WHERE s.run_at <= $1
ORDER BY s.run_at, (s.seq + 0)
LIMIT $2
