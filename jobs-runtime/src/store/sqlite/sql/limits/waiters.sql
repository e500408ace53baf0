-- Who stands at the limits of the array $1: up to $2 at each, the first in line.
SELECT h.limit_id, h.seq, h.rank, m.limits, h.passed, h.arrived_at
FROM json_each($1) AS w
CROSS JOIN jobs_blocked AS h ON h.seq IN (
    SELECT seq FROM jobs_blocked WHERE limit_id = w.value ORDER BY rank, arrived_at, seq LIMIT $2
)
CROSS JOIN jobs_limited AS m ON m.seq = h.seq
