-- Where the waiting execution $1 stands: the number of its next attempt, the budget used so far, until when
-- it waits if it is scheduled, whether it has limits, and its priority.
SELECT
    COALESCE(r.attempt, h.attempt, s.attempt), COALESCE(r.spent, h.spent, s.spent), s.run_at,
    m.limits IS NOT NULL, x.priority
FROM jobs_executions AS x
LEFT JOIN jobs_ready AS r ON r.queue = x.queue AND r.rank = 100 - x.priority AND r.seq = x.seq
LEFT JOIN jobs_blocked AS h ON h.seq = x.seq
LEFT JOIN jobs_scheduled AS s ON s.seq = x.seq
LEFT JOIN jobs_limited AS m ON m.seq = x.seq
WHERE x.seq = $1
