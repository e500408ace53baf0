-- Reads the existing idempotency keys among $2 (of the jobs $1), in the order of their keys.
-- Returns job, key, execution, digest of the payload and time of expiry.
SELECT k.job_id, k.key, k.execution_id, k.payload_digest, k.expires_at
FROM unnest($1::text[], $2::text[]) AS n (job_id, key)
JOIN jobs.idempotency_keys AS k ON k.job_id = ANY (ARRAY[n.job_id])
    AND k.key = ANY (ARRAY[n.key])
ORDER BY k.job_id, k.key
