-- Lists leases of external workers with their beats.
-- $1  only leases after this seq
-- $2  the most leases
-- Returns rows: session, claim, seq, attempt, beat, claimed_at, timeout_ms.
SELECT l.session, l.claim, l.seq, l.attempt, l.beat, l.claimed_at, x.timeout_ms
FROM jobs_leases AS l
CROSS JOIN jobs_sessions AS s ON s.id = l.session AND s.external IS NOT NULL
CROSS JOIN jobs_executions AS x ON x.seq = l.seq
WHERE l.seq > $1
ORDER BY l.seq
LIMIT $2
