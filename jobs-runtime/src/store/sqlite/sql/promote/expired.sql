-- Reads expired executions, the earliest first.
-- $1  the present time
-- $2  the most executions
-- Returns their seqs and ids.
SELECT e.seq, x.id
FROM jobs_expirations AS e
CROSS JOIN jobs_executions AS x ON x.seq = e.seq
WHERE e.expires_at <= $1
ORDER BY e.expires_at, e.seq
LIMIT $2;
