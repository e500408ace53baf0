-- Finds blocked executions that the allocator has not looked at, in the order of claims.
-- $1  the most executions
-- Returns rows: seq, rank, limits.
SELECT h.seq, h.rank, m.limits
FROM jobs_blocked AS h
CROSS JOIN jobs_limited AS m ON m.seq = h.seq
WHERE h.limit_id = 0
ORDER BY h.rank, h.arrived_at, h.seq
LIMIT $1
