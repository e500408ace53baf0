-- Lists up to $2 leases of external workers after the seq $1, with their beats.
-- Returns session, claim, seq, attempt, beat, claimed_at, timeout_ms.
SELECT l.session, l.claim, l.seq, l.attempt, l.beat, l.claimed_at, x.timeout_ms
FROM jobs.leases AS l
JOIN jobs.sessions AS s ON s.id = ANY (ARRAY[l.session]) AND s.external IS NOT NULL
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[l.seq])
WHERE l.seq > $1
ORDER BY l.seq
LIMIT $2
