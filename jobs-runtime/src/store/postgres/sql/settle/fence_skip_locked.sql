-- Locks the leases of valid fences that no other transaction has locked.
-- $1 seq, $2 session, $3 claim, $4 attempt. Returns the places of these fences.
SELECT f.place
FROM (
    SELECT n.*
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
        WITH ORDINALITY AS n (seq, session, claim, attempt, place)
    ORDER BY n.seq
) AS f
CROSS JOIN LATERAL (
    SELECT l.seq
    FROM jobs.leases AS l
    WHERE l.seq = f.seq AND l.session = f.session AND l.claim = f.claim AND l.attempt = f.attempt
    LIMIT 1
    FOR UPDATE SKIP LOCKED
) AS h
