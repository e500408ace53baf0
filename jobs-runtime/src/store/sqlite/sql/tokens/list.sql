-- Lists the tokens without sign-ins, oldest first.
SELECT id, name, role, hash, parent, created_at, expires_at, last_used_at, revoked_at
FROM jobs_tokens
WHERE parent IS NULL
ORDER BY created_at, id
