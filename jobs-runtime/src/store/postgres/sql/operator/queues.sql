-- Lists the queues that are paused or have pending, ready, blocked or running executions.
-- Returns queue, time, author and reason of the pause, the counts of pending, ready, blocked and
-- running executions, the time at which the oldest of the counted ready ones was due, and which
-- counts are lower bounds. Ready ones are counted up to $1 per queue; $1 pending and $1 blocked
-- ones are examined in all.
WITH RECURSIVE present (queue) AS (
    SELECT (SELECT MIN(r.queue) FROM jobs.ready AS r)
    UNION ALL
    SELECT (SELECT MIN(r.queue) FROM jobs.ready AS r WHERE r.queue > present.queue)
    FROM present
    WHERE present.queue IS NOT NULL
),
pending (queue, count) AS (
    SELECT x.queue, COUNT(*)
    FROM (SELECT seq FROM jobs.scheduled ORDER BY run_at, (seq + 0) LIMIT $1) AS h
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[h.seq])
    GROUP BY x.queue
),
blocked (queue, count) AS (
    SELECT x.queue, COUNT(*)
    FROM (SELECT seq FROM jobs.blocked LIMIT $1) AS h
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[h.seq])
    GROUP BY x.queue
),
running (queue, count) AS (
    SELECT x.queue, COUNT(*)
    FROM jobs.leases AS l
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[l.seq])
    GROUP BY x.queue
),
listed (queue) AS (
    SELECT queue FROM present WHERE queue IS NOT NULL
    UNION
    SELECT queue FROM pending
    UNION
    SELECT queue FROM blocked
    UNION
    SELECT queue FROM running
    UNION
    SELECT queue FROM jobs.paused_queues
)
SELECT
    n.queue,
    p.paused_at,
    p.paused_by,
    p.reason AS pause_reason,
    (
        SELECT COUNT(*)
        FROM (SELECT 1 FROM jobs.ready AS r WHERE r.queue = n.queue LIMIT $1) AS counted
    ) AS ready,
    COALESCE((SELECT h.count FROM pending AS h WHERE h.queue = n.queue), 0) AS pending,
    COALESCE((SELECT h.count FROM blocked AS h WHERE h.queue = n.queue), 0) AS blocked,
    COALESCE((SELECT r.count FROM running AS r WHERE r.queue = n.queue), 0) AS running,
    (
        SELECT x.run_at
        FROM jobs.executions AS x
        WHERE x.seq = ANY (ARRAY[(
            SELECT MIN(r.seq)
            FROM (SELECT r.seq FROM jobs.ready AS r WHERE r.queue = n.queue LIMIT $1) AS r
        )])
    ) AS oldest_due_at,
    COALESCE((SELECT SUM(h.count) FROM pending AS h), 0) >= $1 AS is_pending_bounded,
    (
        SELECT COUNT(*)
        FROM (SELECT 1 FROM jobs.ready AS r WHERE r.queue = n.queue LIMIT $1) AS counted
    ) >= $1 AS is_ready_bounded,
    COALESCE((SELECT SUM(h.count) FROM blocked AS h), 0) >= $1 AS is_blocked_bounded,
    (
        SELECT COUNT(*)
        FROM (SELECT 1 FROM jobs.ready AS r WHERE r.queue = n.queue LIMIT $1) AS counted
    ) >= $1 AS is_oldest_bounded
FROM listed AS n
LEFT JOIN jobs.paused_queues AS p ON p.queue = n.queue
ORDER BY n.queue
