-- Reads the external worker of a session.
-- $1  the session
-- Returns its program and the digest of its secret.
SELECT external, token_digest FROM jobs_sessions WHERE id = $1 AND external IS NOT NULL
