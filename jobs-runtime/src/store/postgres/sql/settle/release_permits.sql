-- What becomes of the permits of the attempts that were ended: they come back, unless the handler still
-- runs; the rates of those that were told to wait outside rest. Says which those were, and whether
-- somebody may be let in by it.
given_back AS (
    INSERT INTO jobs.released_permits (size, limits, counts)
    SELECT COUNT(*), array_agg(g.id), array_agg(g.count)
    FROM (
        SELECT i.id, SUM(e.count)::bigint AS count
        FROM (
            SELECT limits, COUNT(*) AS count
            FROM ended
            WHERE limits IS NOT NULL AND kept IS NOT TRUE
            GROUP BY limits
        ) AS e
        CROSS JOIN LATERAL unnest(e.limits) AS i (id)
        WHERE i.id IS NOT NULL
        GROUP BY i.id
    ) AS g
    HAVING COUNT(*) > 0
),
stuck AS (
    INSERT INTO jobs.retained_permits (seq, attempt, session, limits)
    SELECT e.seq, e.attempt, e.session, e.limits
    FROM ended AS e
    WHERE e.limits IS NOT NULL AND e.kept
),
resting AS (
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
