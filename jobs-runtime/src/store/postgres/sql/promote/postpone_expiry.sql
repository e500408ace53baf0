-- Postpones the expiry of the waiting execution $1 until $2.
UPDATE jobs.expirations SET expires_at = $2 WHERE seq = $1
