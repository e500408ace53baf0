-- Finds the first waiters of limits, in the order of admission.
-- $1  JSON array: limits
-- $2  the most waiters of each limit
-- Returns rows: limit, seq, rank, limits, limits passed, time of arrival.
SELECT h.limit_id, h.seq, h.rank, m.limits, h.passed, h.arrived_at
FROM json_each($1) AS w
CROSS JOIN jobs_blocked AS h ON h.seq IN (
    SELECT seq FROM jobs_blocked WHERE limit_id = w.value ORDER BY rank, arrived_at, seq LIMIT $2
)
CROSS JOIN jobs_limited AS m ON m.seq = h.seq
