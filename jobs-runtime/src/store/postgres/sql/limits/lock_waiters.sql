-- Locks the first waiters of the limits $1, as many of each as $2 says.
-- A waiter that another transaction has locked is skipped; its limit is returned once with seq 0.
-- Returns limit, seq, rank, limits, number of limits passed, and `arrived_at`. `limit_id + 0` keeps
-- the planner from looking a waiter up among all those of its limit.
WITH candidates AS MATERIALIZED (
    SELECT w.id AS limit_id, h.seq
    FROM unnest($1::bigint[], $2::bigint[]) AS w (id, most)
    CROSS JOIN LATERAL (
        SELECT b.seq FROM jobs.blocked AS b
        WHERE b.limit_id = w.id
        ORDER BY b.rank, b.arrived_at, (b.seq + 0)
        LIMIT w.most
    ) AS h
),
locked AS MATERIALIZED (
    SELECT h.limit_id, h.seq, h.rank, h.passed, h.arrived_at
    FROM candidates AS f
    CROSS JOIN LATERAL (
        SELECT b.limit_id, b.seq, b.rank, b.passed, b.arrived_at
        FROM jobs.blocked AS b
        WHERE b.seq = f.seq AND b.limit_id + 0 = f.limit_id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS h
)
SELECT k.limit_id, k.seq, k.rank, m.limits, k.passed, k.arrived_at
FROM locked AS k
CROSS JOIN LATERAL (SELECT b.limits FROM jobs.limited AS b WHERE b.seq = k.seq LIMIT 1) AS m
UNION ALL
SELECT c.limit_id, 0, 0, NULL, 0, 0
FROM (
    SELECT limit_id, 1 AS n FROM candidates
    UNION ALL
    SELECT limit_id, -1 FROM locked
) AS c
GROUP BY c.limit_id
HAVING SUM(c.n) > 0
