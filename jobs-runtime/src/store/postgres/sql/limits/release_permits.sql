-- Releases the permits that ended attempts have retained: seq $1, session $2, attempt $3.
-- Returns true if a blocked execution may wait for one.
WITH released AS (
    DELETE FROM jobs.retained_permits AS s
    USING unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS f (seq, session, attempt)
    WHERE s.seq = ANY (ARRAY[f.seq]) AND s.attempt = ANY (ARRAY[f.attempt])
        AND s.session = f.session
    RETURNING s.limits
),
ended AS (
    INSERT INTO jobs.permit_events (limit_id, kind, count)
    SELECT i.id, 'ended', COUNT(*)
    FROM released AS f
    CROSS JOIN LATERAL unnest(f.limits) AS i (id)
    WHERE i.id IS NOT NULL
    GROUP BY i.id
)
SELECT EXISTS (SELECT 1 FROM released) AND EXISTS (SELECT 1 FROM jobs.blocked)
