-- The limits $1, which are locked, and whether whoever finds room there may pass: nobody waits there, and
-- nothing makes the limit rest. One that another holds is left out: nobody waits for it.
SELECT
    l.id, l.stage, l.kind, l.count, l.period_ms, l.in_use, l.tat, l.check_at,
    NOT EXISTS (SELECT 1 FROM jobs.blocked AS h WHERE h.limit_id = l.id)
        AND NOT EXISTS (
            SELECT 1 FROM jobs.permit_events AS e WHERE e.limit_id = l.id AND e.kind = 'pause'
        )
FROM jobs.limits AS l
WHERE l.id = ANY ($1)
ORDER BY l.id
FOR NO KEY UPDATE OF l SKIP LOCKED
