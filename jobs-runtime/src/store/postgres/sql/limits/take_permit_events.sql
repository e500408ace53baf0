-- Deletes permit events and returns them, added up.
-- At most those of about $1 limits. Also deletes the retained permits of closed sessions. $2 is the
-- time: up to $1 limits that are due for a check are returned with the kind 'due'. So are up to $1
-- limits whose check lies after $3, because a wrong clock has planned it. Returns limit, kind,
-- count, time, and the number of limits that count against $1.
WITH events AS (
    DELETE FROM jobs.permit_events
    WHERE id = ANY (ARRAY(
        SELECT s.id
        FROM (
            SELECT n.id, n.size, SUM(n.size) OVER (ORDER BY n.id) AS up_to
            FROM (
                SELECT id, cardinality(limits) AS size
                FROM jobs.permit_events
                ORDER BY id
                LIMIT $1
            ) AS n
        ) AS s
        WHERE s.up_to - s.size < $1
    ))
    RETURNING kind, at, limits, counts
),
by_limit AS (
    SELECT unnest(limits) AS limit_id, kind, unnest(counts) AS count, at FROM events
),
retained AS (
    DELETE FROM jobs.retained_permits AS s
    WHERE NOT EXISTS (SELECT 1 FROM jobs.beats AS b WHERE b.session = s.session)
    RETURNING s.limits
)
-- Elements that are damaged (NULL, or no positive count) are dropped.
SELECT limit_id, kind, SUM(count)::bigint, at, COUNT(*)
FROM by_limit
WHERE limit_id IS NOT NULL AND count > 0
GROUP BY limit_id, kind, at
UNION ALL
SELECT i.id, 'ended', COUNT(*), NULL, 0
FROM retained AS o
CROSS JOIN LATERAL unnest(o.limits) AS i (id)
WHERE i.id IS NOT NULL
GROUP BY i.id
UNION ALL
SELECT d.id, 'due', 0, NULL, 0
FROM (
    (SELECT id FROM jobs.limits WHERE check_at <= $2 ORDER BY check_at LIMIT $1)
    UNION ALL
    (SELECT id FROM jobs.limits WHERE check_at > $3 ORDER BY check_at DESC LIMIT $1)
) AS d
