-- Writes the progress of attempts whose leases are valid and not locked by another transaction.
-- $1 seq, $2 session, $3 claim, $4 attempt, $5 percent, $6 message. Percentages never decrease.
-- Returns the places of these attempts.
WITH reports AS (
    SELECT *
    FROM unnest(
        $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[], $6::text[]
    ) WITH ORDINALITY AS n (seq, session, claim, attempt, percent, message, place)
    ORDER BY n.seq
),
free AS MATERIALIZED (
    SELECT r.*
    FROM reports AS r
    CROSS JOIN LATERAL (
        SELECT l.seq
        FROM jobs.leases AS l
        WHERE l.seq = r.seq AND l.session = r.session AND l.claim = r.claim
            AND l.attempt = r.attempt
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS h
)
UPDATE jobs.leases AS l
SET progress = GREATEST(l.progress, r.percent),
    progress_message = COALESCE(r.message, l.progress_message)
FROM free AS r
WHERE l.seq = ANY (ARRAY[r.seq]) AND l.session = r.session AND l.claim = r.claim
    AND l.attempt = r.attempt
RETURNING r.place
