-- Finds up to $1 attempts of external workers whose cancellation is requested.
-- Returns session, claim, seq, attempt.
SELECT l.session, l.claim, l.seq, l.attempt
FROM jobs.leases AS l
JOIN jobs.sessions AS s ON s.id = ANY (ARRAY[l.session]) AND s.external IS NOT NULL
WHERE l.cancel_requested_at IS NOT NULL
LIMIT $1
