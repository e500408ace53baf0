-- Which of the fences (execution $1, session $2, claim $3, attempt $4) hold, by their places, and
-- whether the cancellation of those was requested. Their leases are locked, in the order of their
-- executions: nobody takes them over, ends them or asks for their cancellation meanwhile.
SELECT f.place, l.cancel_requested_at IS NOT NULL
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
    WITH ORDINALITY AS f (seq, session, claim, attempt, place)
JOIN jobs.leases AS l ON l.seq = ANY (ARRAY[f.seq])
WHERE l.session = f.session AND l.claim = f.claim AND l.attempt = f.attempt
ORDER BY l.seq
FOR UPDATE OF l
