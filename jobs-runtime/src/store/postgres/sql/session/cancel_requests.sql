-- Lists the attempts of the session $1 whose cancellation was requested.
-- Returns claim, seq and attempt.
SELECT claim, seq, attempt
FROM jobs.leases
WHERE session = $1 AND cancel_requested_at IS NOT NULL
ORDER BY seq
