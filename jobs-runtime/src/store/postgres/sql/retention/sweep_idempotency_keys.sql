-- Deletes up to $2 idempotency keys that had expired at the time $1. Keys that another transaction
-- has locked are skipped. Returns the number of deleted keys.
WITH deleted AS (
    DELETE FROM jobs.idempotency_keys
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM jobs.idempotency_keys
        WHERE expires_at <= $1
        ORDER BY expires_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING 1
)
SELECT COUNT(*) FROM deleted
