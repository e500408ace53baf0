-- Reads unpublished entries in the order of claims: the heads of each pair of queue and job.
-- $1 jobs to leave out, $2 present time, $3 most entries. Groups are found as in `by_group.sql`.
WITH RECURSIVE present (queue, job_id) AS (
    (SELECT queue, job_id FROM jobs.unpublished ORDER BY queue, job_id LIMIT 1)
    UNION ALL
    SELECT n.queue, n.job_id
    FROM present AS p
    CROSS JOIN LATERAL (
        SELECT u.queue, u.job_id
        FROM jobs.unpublished AS u
        WHERE (u.queue, u.job_id) > (p.queue, p.job_id)
        ORDER BY u.queue, u.job_id
        LIMIT 1
    ) AS n
),
heads AS MATERIALIZED (
    SELECT p.queue, p.job_id, h.rank, h.seq, h.attempt, h.version
    FROM present AS p
    CROSS JOIN LATERAL (
        SELECT u.rank, u.seq, u.attempt, u.version
        FROM jobs.unpublished AS u
        WHERE u.queue = p.queue AND u.job_id = p.job_id
            AND u.publish_at <= $2
        ORDER BY u.rank, u.seq
        LIMIT $3
    ) AS h
    WHERE p.job_id <> ALL ($1)
        AND p.queue <> ALL (ARRAY(SELECT o.queue FROM jobs.paused_queues AS o))
    ORDER BY h.rank, h.seq
    LIMIT $3
)
SELECT h.queue, h.job_id, h.rank, h.seq, h.attempt, h.version, x.id
FROM heads AS h
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[h.seq])
ORDER BY h.rank, h.seq
