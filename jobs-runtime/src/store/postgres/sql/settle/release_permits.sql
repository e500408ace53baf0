-- Last part of a settlement: releases the permits of the ended attempts, or marks them as retained.
-- A pause is written as an event of each rate. Returns the seq of each ended attempt, and whether a
-- blocked execution may be admitted.
released AS (
    INSERT INTO jobs.released_permits (size, limits, counts)
    SELECT COUNT(*), array_agg(g.id), array_agg(g.count)
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
    INSERT INTO jobs.permit_events (limit_id, kind, count, at)
    SELECT l.id, 'pause', 1, MAX(e.paused_until)
    FROM ended AS e
    CROSS JOIN LATERAL unnest(e.limits) AS i (id)
    CROSS JOIN LATERAL (
        SELECT k.id FROM jobs.limits AS k WHERE k.id = i.id AND k.kind = 'rate' LIMIT 1
    ) AS l
    WHERE e.limits IS NOT NULL AND e.paused_until IS NOT NULL
    GROUP BY l.id
)
SELECT seq, limits IS NOT NULL AND (at_once OR EXISTS (SELECT 1 FROM jobs.blocked)) FROM ended
