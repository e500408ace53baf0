-- Writes the progress of attempts whose leases are valid.
-- $1 seq, $2 session, $3 claim, $4 attempt, $5 percent, $6 message. Percentages never decrease.
-- Returns the places of these attempts.
UPDATE jobs.leases AS l
SET progress = GREATEST(l.progress, r.percent),
    progress_message = COALESCE(r.message, l.progress_message)
FROM unnest(
    $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[], $6::text[]
) WITH ORDINALITY AS r (seq, session, claim, attempt, percent, message, place)
WHERE l.seq = ANY (ARRAY[r.seq]) AND l.session = r.session AND l.claim = r.claim AND l.attempt = r.attempt
RETURNING r.place
