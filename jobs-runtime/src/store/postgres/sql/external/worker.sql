-- Reads the external worker of the session $1: its program and the digest of its secret.
SELECT external, token_digest FROM jobs.sessions WHERE id = $1 AND external IS NOT NULL
