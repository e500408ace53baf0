-- Reads since when the next execution of each queue is ready: the earliest of the first executions
-- of its priorities. After an attempt, that is when the attempt ended or when its retry was due.
-- Returns rows: queue, time.
WITH RECURSIVE present (queue, rank) AS (
    SELECT * FROM (SELECT queue, rank FROM jobs_ready ORDER BY queue, rank LIMIT 1)
    UNION ALL
    SELECT r.queue, r.rank
    FROM present AS p
    CROSS JOIN jobs_ready AS r ON (r.queue, r.rank, r.seq) = (
        SELECT n.queue, n.rank, n.seq
        FROM jobs_ready AS n
        WHERE (n.queue, n.rank) > (p.queue, p.rank)
        ORDER BY n.queue, n.rank, n.seq
        LIMIT 1
    )
)
SELECT
    p.queue,
    MIN(IFNULL(
        (
            SELECT IFNULL(a.retry_at, a.finished_at) FROM jobs_attempts AS a
            WHERE a.seq = h.seq AND a.attempt = h.attempt - 1
        ),
        x.run_at
    ))
FROM present AS p
CROSS JOIN jobs_ready AS h ON h.queue = p.queue AND h.rank = p.rank AND h.seq = (
    SELECT MIN(r.seq) FROM jobs_ready AS r WHERE r.queue = p.queue AND r.rank = p.rank
)
CROSS JOIN jobs_executions AS x ON x.seq = h.seq
GROUP BY p.queue
