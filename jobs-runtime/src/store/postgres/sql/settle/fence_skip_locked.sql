-- Locks the leases of valid fences that no other transaction has locked.
-- $1 seq, $2 session, $3 claim, $4 attempt. Returns the places of these fences.
SELECT f.place
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
    WITH ORDINALITY AS f (seq, session, claim, attempt, place)
JOIN jobs.leases AS l ON l.seq = ANY (ARRAY[f.seq])
WHERE l.session = f.session AND l.claim = f.claim AND l.attempt = f.attempt
ORDER BY l.seq
FOR UPDATE OF l SKIP LOCKED
