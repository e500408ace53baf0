-- Reads the state of a waiting execution.
-- $1  the seq of the execution
-- Returns one row: number of the next attempt, attempts that count against the budget, time at
-- which it is due (NULL if it is queued), whether it has limits, priority.
SELECT
    COALESCE(r.attempt, h.attempt, s.attempt), COALESCE(r.spent, h.spent, s.spent), s.run_at,
    m.limits IS NOT NULL, x.priority
FROM jobs_executions AS x
LEFT JOIN jobs_ready AS r ON r.queue = x.queue AND r.rank = 100 - x.priority AND r.seq = x.seq
LEFT JOIN jobs_blocked AS h ON h.seq = x.seq
LEFT JOIN jobs_scheduled AS s ON s.seq = x.seq
LEFT JOIN jobs_limited AS m ON m.seq = x.seq
WHERE x.seq = $1
