-- Reads idempotency keys.
-- $1  JSON array: seqs of the executions
SELECT x.seq, k.key, k.payload_digest, k.expires_at
FROM jobs_executions AS x
CROSS JOIN jobs_idempotency_keys AS k ON k.job_id = x.job_id AND k.execution_id = x.id
WHERE x.seq IN (SELECT value FROM json_each($1))
ORDER BY x.seq, k.key
