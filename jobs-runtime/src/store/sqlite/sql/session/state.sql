-- Reads the state of a session.
-- $1  the session
-- Returns one row: whether it is open, the last claim number that leased something.
SELECT closed_at IS NULL, last_claim FROM jobs_sessions WHERE id = $1
