-- Queues that have been paused or that something waits or runs in; what waits is counted up to $1.
WITH RECURSIVE present (queue) AS (
    SELECT (SELECT MIN(r.queue) FROM jobs.ready AS r)
    UNION ALL
    SELECT (SELECT MIN(r.queue) FROM jobs.ready AS r WHERE r.queue > present.queue)
    FROM present
    WHERE present.queue IS NOT NULL
),
held (queue, count) AS (
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
named (queue) AS (
    SELECT queue FROM present WHERE queue IS NOT NULL
    UNION
    SELECT queue FROM held
    UNION
    SELECT queue FROM running
    UNION
    SELECT queue FROM jobs.paused_queues
)
SELECT
    n.queue,
    (SELECT p.paused_at FROM jobs.paused_queues AS p WHERE p.queue = n.queue),
    (
        SELECT COUNT(*)
        FROM (SELECT 1 FROM jobs.ready AS r WHERE r.queue = n.queue LIMIT $1) AS counted
    ),
    COALESCE((SELECT h.count FROM held AS h WHERE h.queue = n.queue), 0),
    COALESCE((SELECT r.count FROM running AS r WHERE r.queue = n.queue), 0)
FROM named AS n
ORDER BY n.queue
