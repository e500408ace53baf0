-- Postpones the expiry of a waiting execution.
-- $1  the seq of the execution
-- $2  the new time
UPDATE jobs_expirations SET expires_at = $2 WHERE seq = $1
