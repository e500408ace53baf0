-- The idempotency keys that name executions numbered from $1 to $2.
SELECT x.seq, k.key, k.payload_digest, k.expires_at
FROM jobs_executions AS x
CROSS JOIN jobs_idempotency_keys AS k ON k.job_id = x.job_id AND k.execution_id = x.id
WHERE x.seq BETWEEN $1 AND $2
ORDER BY x.seq, k.key
