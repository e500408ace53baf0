-- Deletes up to $2 tokens and sign-ins that were revoked or had expired at the time $1. The newest
-- token stays: a store that had tokens must not become open again. Returns the number of deleted
-- rows.
WITH deleted AS (
    DELETE FROM jobs.tokens
    WHERE id = ANY (ARRAY(
        SELECT id FROM jobs.tokens
        WHERE (revoked_at <= $1 OR expires_at <= $1)
          AND id <> (
              SELECT id FROM jobs.tokens WHERE parent IS NULL
              ORDER BY created_at DESC, id DESC LIMIT 1
          )
        LIMIT $2
    ))
    RETURNING 1
)
SELECT COUNT(*) FROM deleted
