-- Renews an open session: its beat changes.
-- $1  the session
-- $2  the present time
UPDATE jobs_sessions SET beat = beat + 1, renewed_at = $2 WHERE id = $1 AND closed_at IS NULL
