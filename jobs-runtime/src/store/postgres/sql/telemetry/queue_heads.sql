-- Reads since when the next execution of each queue is ready: the earliest of the first executions
-- of its jobs and priorities. After an attempt, that is when the attempt ended or when its retry
-- was due. Groups are read as in `claim/by_group.sql`. Returns queue and time.
WITH RECURSIVE present (queue, job_id, rank) AS (
    (
        SELECT queue, job_id, rank::integer
        FROM jobs.ready
        ORDER BY queue, job_id, rank::integer
        LIMIT 1
    )
    UNION ALL
    SELECT n.queue, n.job_id, n.rank
    FROM present AS p
    CROSS JOIN LATERAL (
        SELECT r.queue, r.job_id, r.rank::integer AS rank
        FROM jobs.ready AS r
        WHERE (r.queue, r.job_id, r.rank::integer) > (p.queue, p.job_id, p.rank)
        ORDER BY r.queue, r.job_id, r.rank::integer
        LIMIT 1
    ) AS n
)
SELECT
    p.queue,
    MIN(COALESCE(
        (
            SELECT COALESCE(a.retry_at, a.finished_at)
            FROM jobs.attempts AS a
            WHERE a.seq = h.seq AND a.attempt = h.attempt - 1
        ),
        x.run_at
    )) AS since
FROM present AS p
CROSS JOIN LATERAL (
    SELECT r.seq, r.attempt
    FROM jobs.ready AS r
    WHERE r.queue = p.queue AND r.job_id = p.job_id AND r.rank::integer = p.rank
    ORDER BY r.seq + 0
    LIMIT 1
) AS h
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[h.seq])
GROUP BY p.queue
