-- Deletes expired idempotency keys.
-- $1  the time up to which they have expired
-- $2  the most keys
DELETE FROM jobs_idempotency_keys
WHERE (job_id, key) IN (
    SELECT job_id, key FROM jobs_idempotency_keys
    WHERE expires_at <= $1
    ORDER BY expires_at
    LIMIT $2
)
