-- Notes in the session $1 that its claim $2 has leased something.
UPDATE jobs.sessions SET last_claim = $2 WHERE id = $1
