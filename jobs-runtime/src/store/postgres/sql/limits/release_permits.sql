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
    INSERT INTO jobs.permit_events (kind, limits, counts)
    SELECT 'ended', limits, array_fill(1::bigint, ARRAY[cardinality(limits)]) FROM released
)
SELECT EXISTS (SELECT 1 FROM released)
    AND (SELECT a.has_waiters FROM jobs.allocator_lock AS a)
