-- Locks the limits $1 in the order of their ids, and checks whether their permits are free to take.
-- That is so if no execution waits for the limit and no pause is pending. A limit that another
-- transaction has locked is skipped. Returns the limit and the result.
SELECT
    l.id, l.stage, l.kind, l.count, l.period_ms, l.in_use, l.tat, l.paused_until,
    l.check_at,
    (SELECT h.seq FROM jobs.blocked AS h WHERE h.limit_id = l.id LIMIT 1) IS NULL
        AND NOT EXISTS (
            SELECT 1 FROM jobs.permit_events AS e WHERE e.kind = 'pause' AND l.id = ANY (e.limits)
        )
FROM jobs.limits AS l
WHERE l.id = ANY ($1)
ORDER BY l.id
FOR NO KEY UPDATE OF l SKIP LOCKED
