-- Stores idempotency keys. A key replaces an expired one.
-- $3  JSON array: [job, key, execution id (hex), payload digest, time of expiry]
INSERT OR REPLACE INTO jobs_idempotency_keys (
    job_id, key, execution_id, payload_digest, expires_at
)
SELECT value ->> 0, value ->> 1, unhex(value ->> 2), value ->> 3, value ->> 4
FROM jsonb_each($3);
