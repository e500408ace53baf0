-- Finds the attempts of a session whose cancellation is requested.
-- $1  the session
-- Returns rows: claim, seq, attempt.
SELECT claim, seq, attempt
FROM jobs_leases
WHERE session = $1 AND cancel_requested_at IS NOT NULL
ORDER BY seq
