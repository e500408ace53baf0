-- Reads idempotency keys.
-- $1  the seq of the first execution
-- $2  the seq of the last one
SELECT x.seq, k.key, k.payload_digest, k.expires_at
FROM jobs_executions AS x
CROSS JOIN jobs_idempotency_keys AS k ON k.job_id = x.job_id AND k.execution_id = x.id
WHERE x.seq BETWEEN $1 AND $2
ORDER BY x.seq, k.key
