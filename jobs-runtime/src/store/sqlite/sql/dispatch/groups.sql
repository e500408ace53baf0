-- Reads the pairs of queue and job that have unpublished entries, without paused queues.
-- $1  JSON array: jobs to leave out
WITH RECURSIVE present (queue, job_id) AS (
    SELECT * FROM (SELECT queue, job_id FROM jobs_unpublished ORDER BY queue, job_id LIMIT 1)
    UNION ALL
    SELECT n.queue, n.job_id
    FROM present AS p
    CROSS JOIN jobs_unpublished AS n ON (n.queue, n.job_id, n.rank, n.seq) = (
        SELECT u.queue, u.job_id, u.rank, u.seq
        FROM jobs_unpublished AS u
        WHERE (u.queue, u.job_id) > (p.queue, p.job_id)
        ORDER BY u.queue, u.job_id, u.rank, u.seq
        LIMIT 1
    )
)
SELECT queue, job_id
FROM present
WHERE job_id NOT IN (SELECT value FROM json_each($1))
    AND queue NOT IN (SELECT queue FROM jobs_paused_queues)
