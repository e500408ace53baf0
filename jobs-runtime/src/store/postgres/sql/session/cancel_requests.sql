-- The attempts of a session whose cancellation was requested.
SELECT claim, seq, attempt
FROM jobs.leases
WHERE session = $1 AND cancel_requested_at IS NOT NULL
ORDER BY seq
