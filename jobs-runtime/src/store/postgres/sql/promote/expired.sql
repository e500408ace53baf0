-- Reads the first $2 executions that have expired at the time $1. Returns their seqs and ids.
SELECT e.seq, x.id
FROM jobs.expirations AS e
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[e.seq])
WHERE e.expires_at <= $1
ORDER BY e.expires_at, (e.seq + 0)
LIMIT $2
