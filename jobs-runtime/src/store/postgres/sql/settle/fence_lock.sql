-- Locks the leases of valid fences, in the order of their executions.
-- $1 seq, $2 session, $3 claim, $4 attempt. Returns the place of each valid fence and whether its
-- cancellation was requested.
SELECT f.place, h.cancel_requested_at IS NOT NULL
FROM (
    SELECT n.*
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
        WITH ORDINALITY AS n (seq, session, claim, attempt, place)
    ORDER BY n.seq
) AS f
CROSS JOIN LATERAL (
    SELECT l.cancel_requested_at
    FROM jobs.leases AS l
    WHERE l.seq = f.seq AND l.session = f.session AND l.claim = f.claim AND l.attempt = f.attempt
    LIMIT 1
    FOR UPDATE
) AS h
