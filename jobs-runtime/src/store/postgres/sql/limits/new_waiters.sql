-- Locks up to $1 new waiters, in the order of claims. Returns seq, rank and limits.
-- A waiter that another transaction has locked (an edit, a cancellation) is skipped.
SELECT h.seq, h.rank, m.limits
FROM jobs.blocked AS h
CROSS JOIN LATERAL (SELECT b.limits FROM jobs.limited AS b WHERE b.seq = h.seq LIMIT 1) AS m
WHERE h.limit_id = 0
ORDER BY h.rank, h.arrived_at, (h.seq + 0)
LIMIT $1
FOR UPDATE OF h SKIP LOCKED
