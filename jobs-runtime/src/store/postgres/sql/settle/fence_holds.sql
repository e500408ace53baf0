-- Which of the fences (execution $1, session $2, claim $3, attempt $4) hold, by their places. Nothing is
-- locked.
SELECT f.place
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
    WITH ORDINALITY AS f (seq, session, claim, attempt, place)
JOIN jobs.leases AS l ON l.seq = ANY (ARRAY[f.seq])
WHERE l.session = f.session AND l.claim = f.claim AND l.attempt = f.attempt
