-- What the keys $2 of the jobs $1 name. They are locked, always in the same order: whoever wants to
-- replace one waits.
SELECT k.job_id, k.key, k.execution_id, k.payload_digest, k.expires_at
FROM unnest($1::text[], $2::text[]) AS n (job_id, key)
JOIN jobs.idempotency_keys AS k ON k.job_id = ANY (ARRAY[n.job_id])
    AND k.key = ANY (ARRAY[n.key])
ORDER BY k.job_id, k.key
FOR UPDATE OF k
