-- Notes progress ($5 percent, message $6) of those attempts (execution $1, session $2, claim $3,
-- attempt $4) whose lease holds, and says by their places which those were.
UPDATE jobs.leases AS l
SET progress = GREATEST(l.progress, r.percent),
    progress_message = COALESCE(r.message, l.progress_message)
FROM unnest(
    $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[], $6::text[]
) WITH ORDINALITY AS r (seq, session, claim, attempt, percent, message, place)
WHERE l.seq = ANY (ARRAY[r.seq]) AND l.session = r.session AND l.claim = r.claim AND l.attempt = r.attempt
RETURNING r.place
