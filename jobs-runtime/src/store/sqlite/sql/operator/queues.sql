-- Lists the queues that are paused or that have pending, ready, blocked or running executions.
-- $1  the number at which to stop counting ready executions of a queue, and pending and blocked
--     ones of all queues
-- Returns rows: queue, time, author and reason of the pause, pending, ready, blocked, running, the
-- time at which the oldest of the first 1,000 ready executions was due, and which values are
-- bounds.
WITH RECURSIVE
    present (queue) AS (
        SELECT MIN(queue) FROM jobs_ready
        UNION ALL
        SELECT (SELECT MIN(r.queue) FROM jobs_ready AS r WHERE r.queue > present.queue)
        FROM present
        WHERE present.queue IS NOT NULL
    ),
    pending (queue, count) AS (
        SELECT x.queue, COUNT(*)
        FROM (SELECT seq FROM jobs_scheduled ORDER BY run_at, seq LIMIT $1) AS h
        CROSS JOIN jobs_executions AS x ON x.seq = h.seq
        GROUP BY x.queue
    ),
    blocked (queue, count) AS (
        SELECT x.queue, COUNT(*)
        FROM (SELECT seq FROM jobs_blocked LIMIT $1) AS h
        CROSS JOIN jobs_executions AS x ON x.seq = h.seq
        GROUP BY x.queue
    ),
    running (queue, count) AS (
        SELECT x.queue, COUNT(*)
        FROM jobs_leases AS l
        CROSS JOIN jobs_executions AS x ON x.seq = l.seq
        GROUP BY x.queue
    ),
    named (queue) AS (
        SELECT queue FROM present WHERE queue IS NOT NULL
        UNION
        SELECT queue FROM pending
        UNION
        SELECT queue FROM blocked
        UNION
        SELECT queue FROM running
        UNION
        SELECT queue FROM jobs_paused_queues
    )
SELECT
    n.queue,
    p.paused_at,
    p.paused_by,
    p.reason AS pause_reason,
    (
        SELECT COUNT(*) FROM (SELECT 1 FROM jobs_ready AS r WHERE r.queue = n.queue LIMIT $1)
    ) AS ready,
    IFNULL((SELECT h.count FROM pending AS h WHERE h.queue = n.queue), 0) AS pending,
    IFNULL((SELECT count FROM blocked AS h WHERE h.queue = n.queue), 0) AS blocked,
    IFNULL((SELECT count FROM running AS r WHERE r.queue = n.queue), 0) AS running,
    (
        SELECT x.run_at
        FROM jobs_executions AS x
        WHERE x.seq = (
            SELECT MIN(r.seq)
            FROM (SELECT r.seq FROM jobs_ready AS r WHERE r.queue = n.queue LIMIT 1000) AS r
        )
    ) AS oldest_due_at,
    IFNULL((SELECT SUM(h.count) FROM pending AS h), 0) >= $1 AS is_pending_bounded,
    (
        SELECT COUNT(*)
        FROM (SELECT 1 FROM jobs_ready AS r WHERE r.queue = n.queue LIMIT $1) AS counted
    ) >= $1 AS is_ready_bounded,
    IFNULL((SELECT SUM(h.count) FROM blocked AS h), 0) >= $1 AS is_blocked_bounded,
    (
        SELECT COUNT(*)
        FROM (SELECT 1 FROM jobs_ready AS r WHERE r.queue = n.queue LIMIT 1001) AS counted
    ) > 1000 AS is_oldest_bounded
FROM named AS n
LEFT JOIN jobs_paused_queues AS p ON p.queue = n.queue
ORDER BY n.queue
