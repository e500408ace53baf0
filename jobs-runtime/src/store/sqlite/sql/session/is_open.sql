-- Returns whether the session $1 is open.
SELECT EXISTS (SELECT 1 FROM jobs_sessions WHERE id = $1 AND closed_at IS NULL)
