-- Last part of a settlement: releases the permits of the ended attempts, or marks them as retained.
-- Both they and pauses are permit events. Returns the seq of each ended attempt, and whether a
-- blocked execution may be admitted.
released AS (
    INSERT INTO jobs.permit_events (kind, limits, counts)
    SELECT 'ended', array_agg(g.id), array_agg(g.count)
    FROM (
        SELECT i.id, SUM(e.count)::bigint AS count
        FROM (
            SELECT limits, COUNT(*) AS count
            FROM ended
            WHERE limits IS NOT NULL AND retained IS NOT TRUE
            GROUP BY limits
        ) AS e
        CROSS JOIN LATERAL unnest(e.limits) AS i (id)
        WHERE i.id IS NOT NULL
        GROUP BY i.id
    ) AS g
    HAVING COUNT(*) > 0
),
retained AS (
    INSERT INTO jobs.retained_permits (seq, attempt, session, limits)
    SELECT e.seq, e.attempt, e.session, e.limits
    FROM ended AS e
    WHERE e.limits IS NOT NULL AND e.retained
),
pauses AS (
    INSERT INTO jobs.permit_events (kind, at, limits, counts)
    SELECT 'pause', paused_until, limits, array_fill(1::bigint, ARRAY[cardinality(limits)])
    FROM ended
    WHERE limits IS NOT NULL AND paused_until IS NOT NULL
)
SELECT
    seq,
    limits IS NOT NULL AND (at_once OR (SELECT a.has_waiters FROM jobs.allocator_lock AS a))
FROM ended
