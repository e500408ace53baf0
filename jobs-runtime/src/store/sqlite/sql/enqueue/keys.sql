-- Keeps the idempotency keys of the JSON array $3; each replaces one that has expired.
INSERT OR REPLACE INTO jobs_idempotency_keys (
    job_id, key, execution_id, payload_digest, expires_at
)
SELECT value ->> 0, value ->> 1, unhex(value ->> 2), value ->> 3, value ->> 4
FROM jsonb_each($3);
