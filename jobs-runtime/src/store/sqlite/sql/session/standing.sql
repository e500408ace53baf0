-- Whether a session is open, and the last claim that gave it something.
SELECT closed_at IS NULL, last_claim FROM jobs_sessions WHERE id = $1
