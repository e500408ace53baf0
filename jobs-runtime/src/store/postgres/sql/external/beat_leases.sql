-- Changes the beats of leases that exist. $1 seq, $2 session, $3 claim, $4 attempt.
-- Returns the places of these leases.
UPDATE jobs.leases AS l SET beat = l.beat + 1
FROM unnest(
    $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]
) WITH ORDINALITY AS r (seq, session, claim, attempt, place)
WHERE l.seq = ANY (ARRAY[r.seq]) AND l.session = r.session AND l.claim = r.claim
    AND l.attempt = r.attempt
RETURNING r.place
