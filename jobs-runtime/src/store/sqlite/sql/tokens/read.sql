-- Reads a token or a sign-in. A sign-in is revoked together with its token.
-- $1 id
SELECT t.id, t.name, t.role, t.hash, t.parent, t.created_at, t.expires_at, t.last_used_at,
       COALESCE(t.revoked_at, p.revoked_at) AS revoked_at
FROM jobs_tokens AS t
LEFT JOIN jobs_tokens AS p ON p.id = t.parent
WHERE t.id = $1
