-- Revokes a token or a sign-in.
-- $1 id, $2 the time
UPDATE jobs_tokens SET revoked_at = $2
WHERE id = $1 AND revoked_at IS NULL
