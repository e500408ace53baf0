-- Records the times $2 at which the executions with the ids $1 expire.
INSERT INTO jobs.expirations (seq, expires_at)
SELECT x.seq, n.expires_at
FROM unnest($1::uuid[], $2::bigint[]) AS n (id, expires_at)
JOIN jobs.executions AS x ON x.id = ANY (ARRAY[n.id])
