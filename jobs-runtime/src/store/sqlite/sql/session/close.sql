-- Closes a session, if it has no lease.
-- $1  the session
UPDATE jobs_sessions SET closed_at = renewed_at
WHERE id = $1 AND closed_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM jobs_leases WHERE session = $1);

