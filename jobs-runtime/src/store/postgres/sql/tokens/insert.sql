-- Adds a token, unless its id exists.
-- $1 id, $2 name, $3 role, $4 hash, $5 parent, $6 creation, $7 expiry, $8 last use, $9 revocation
INSERT INTO jobs.tokens
    (id, name, role, hash, parent, created_at, expires_at, last_used_at, revoked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO NOTHING
