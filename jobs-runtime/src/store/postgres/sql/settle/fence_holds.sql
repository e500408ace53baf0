-- Finds the valid fences. Nothing is locked.
-- $1 seq, $2 session, $3 claim, $4 attempt. Returns the places of these fences.
SELECT f.place
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
    WITH ORDINALITY AS f (seq, session, claim, attempt, place)
CROSS JOIN LATERAL (
    SELECT l.seq
    FROM jobs.leases AS l
    WHERE l.seq = f.seq AND l.session = f.session AND l.claim = f.claim AND l.attempt = f.attempt
    LIMIT 1
) AS h
