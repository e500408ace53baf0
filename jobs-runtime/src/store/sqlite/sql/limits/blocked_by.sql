-- Finds the limit whose permit an execution waits for.
-- $1  the id of the execution
-- $2  the number at which to stop counting waiters ahead of it
-- Returns one row: the limit, and the number of waiters ahead; no row if the execution is not
-- blocked, or if the allocator has not looked at it yet.
SELECT
    l.id, l.stage, l.kind, l.count, l.period_ms, l.in_use, l.tat, l.paused_until, l.check_at,
    l.key,
    (
        SELECT COUNT(*)
        FROM (
            SELECT 1
            FROM jobs_blocked AS b
            WHERE b.limit_id = h.limit_id
                AND (b.rank, b.arrived_at, b.seq) < (h.rank, h.arrived_at, h.seq)
            LIMIT $2
        )
    )
FROM jobs_executions AS x
CROSS JOIN jobs_blocked AS h ON h.seq = x.seq
CROSS JOIN jobs_limits AS l ON l.id = h.limit_id
WHERE x.id = $1
