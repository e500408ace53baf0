-- Finds the attempts that the same session has ended before.
-- $1 seq, $2 session, $3 attempt. Returns the places of these attempts.
SELECT f.place
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
    WITH ORDINALITY AS f (seq, session, attempt, place)
WHERE EXISTS (
    SELECT 1 FROM jobs.outcomes AS o
    WHERE o.seq = f.seq AND o.attempt = f.attempt AND o.session = f.session
) OR EXISTS (
    SELECT 1 FROM jobs.attempts AS a
    WHERE a.seq = f.seq AND a.attempt = f.attempt AND a.session = f.session
)
