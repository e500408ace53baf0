-- Finds the limit that blocks the execution with the id $1.
-- Returns the limit and the number of executions in front of it, counted up to $2. No row if the
-- execution is not blocked, or a new waiter.
SELECT
    l.id, l.stage, l.kind, l.count, l.period_ms, l.in_use, l.tat, l.paused_until, l.check_at,
    l.key,
    (
        SELECT COUNT(*)
        FROM (
            SELECT 1
            FROM jobs.blocked AS b
            WHERE b.limit_id = h.limit_id
                AND (b.rank, b.arrived_at, b.seq + 0) < (h.rank, h.arrived_at, h.seq)
            LIMIT $2
        ) AS counted
    )
FROM jobs.executions AS x
CROSS JOIN LATERAL (SELECT * FROM jobs.blocked AS b WHERE b.seq = x.seq LIMIT 1) AS h
JOIN jobs.limits AS l ON l.id = ANY (ARRAY[h.limit_id])
WHERE x.id = $1
