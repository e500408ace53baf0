-- Writes idempotency keys; an expired one is replaced.
-- $1 job, $2 key, $3 execution, $4 digest of the payload, $5 time of creation, $6 time of expiry. A
-- key that another transaction has inserted since the lookup is kept. The caller compares the
-- number of affected rows.
INSERT INTO jobs.idempotency_keys AS k (
    job_id, key, execution_id, payload_digest, created_at, expires_at
)
SELECT n.job_id, n.key, n.execution_id, n.payload_digest, n.created_at, n.expires_at
FROM unnest(
    $1::text[], $2::text[], $3::uuid[], $4::text[], $5::bigint[], $6::bigint[]
) AS n (job_id, key, execution_id, payload_digest, created_at, expires_at)
ON CONFLICT (job_id, key) DO UPDATE
SET execution_id = excluded.execution_id, payload_digest = excluded.payload_digest,
    created_at = excluded.created_at, expires_at = excluded.expires_at
WHERE k.expires_at <= excluded.created_at
