-- Deletes tokens and sign-ins that were revoked or had expired at a time. The newest token stays:
-- a store that had tokens must not become open again.
-- $1  the time
-- $2  the most rows
DELETE FROM jobs_tokens
WHERE id IN (
    SELECT id FROM jobs_tokens
    WHERE (revoked_at <= $1 OR expires_at <= $1)
      AND id <> (
          SELECT id FROM jobs_tokens WHERE parent IS NULL
          ORDER BY created_at DESC, id DESC LIMIT 1
      )
    LIMIT $2
)
