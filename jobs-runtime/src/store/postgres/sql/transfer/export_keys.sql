-- Exports the idempotency keys of the executions from seq $1 to $2.
SELECT x.seq, k.key, k.payload_digest, k.expires_at
FROM jobs.executions AS x
JOIN jobs.idempotency_keys AS k ON k.execution_id = ANY (ARRAY[x.id]) AND k.job_id = x.job_id
WHERE x.seq BETWEEN $1 AND $2
ORDER BY x.seq, k.key
