-- Records the use of a token, or of a sign-in and its token.
-- $1 id, $2 the time, $3 a use after this time is recorded well enough
UPDATE jobs_tokens SET last_used_at = $2
WHERE (id = $1 OR id = (SELECT parent FROM jobs_tokens WHERE id = $1))
  AND (last_used_at IS NULL OR last_used_at <= $3)
