-- Counts the ready executions of the jobs $1, each up to $2, except in paused queues.
-- Groups are read as in `by_group.sql`.
WITH RECURSIVE present (queue, job_id) AS (
    (SELECT queue, job_id FROM jobs.ready ORDER BY queue, job_id LIMIT 1)
    UNION ALL
    SELECT n.queue, n.job_id
    FROM present AS p
    CROSS JOIN LATERAL (
        SELECT r.queue, r.job_id
        FROM jobs.ready AS r
        WHERE (r.queue, r.job_id) > (p.queue, p.job_id)
        ORDER BY r.queue, r.job_id
        LIMIT 1
    ) AS n
)
SELECT p.job_id, LEAST(SUM(c.count), $2)::bigint
FROM present AS p
CROSS JOIN LATERAL (
    SELECT COUNT(*) AS count
    FROM (
        SELECT 1
        FROM jobs.ready AS r
        WHERE r.queue = p.queue AND r.job_id = p.job_id
        ORDER BY r.rank::integer
        LIMIT $2
    ) AS h
) AS c
WHERE p.job_id = ANY ($1) AND p.queue <> ALL (ARRAY(SELECT o.queue FROM jobs.paused_queues AS o))
GROUP BY p.job_id
