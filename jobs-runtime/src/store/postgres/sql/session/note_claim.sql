-- Notes that the claim $2 of the session $1 has taken something.
UPDATE jobs.sessions SET last_claim = $2 WHERE id = $1
