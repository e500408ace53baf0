-- Exports the idempotency keys of the executions with the seqs $1.
SELECT x.seq, k.key, k.payload_digest, k.expires_at
FROM jobs.executions AS x
JOIN jobs.idempotency_keys AS k ON k.execution_id = ANY (ARRAY[x.id]) AND k.job_id = x.job_id
WHERE x.seq = ANY ($1::bigint[])
ORDER BY x.seq, k.key
