-- Counts the ready executions of jobs, except in paused queues.
-- $1  JSON array: jobs
-- $2  the highest count
-- $3  the most rows that are examined
SELECT job_id, MIN(COUNT(*), $2)
FROM (SELECT queue, job_id FROM jobs_ready ORDER BY queue, rank, seq LIMIT $3)
WHERE job_id IN (SELECT value FROM json_each($1))
    AND queue NOT IN (SELECT queue FROM jobs_paused_queues)
GROUP BY job_id
