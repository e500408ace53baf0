-- Finds attempts of external workers whose cancellation is requested.
-- $1  the most attempts
-- Returns rows: session, claim, seq, attempt.
SELECT l.session, l.claim, l.seq, l.attempt
FROM jobs_leases AS l INDEXED BY jobs_leases_by_cancel
CROSS JOIN jobs_sessions AS s ON s.id = l.session AND s.external IS NOT NULL
WHERE l.cancel_requested_at IS NOT NULL
LIMIT $1
