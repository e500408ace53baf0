-- Sums the permits in use of the limits `max_concurrent`, by job. Examines the newest $1 limits.
-- $1  the most limits
-- Returns rows: job, permits in use.
SELECT l.job_id, SUM(l.in_use)
FROM (SELECT job_id, kind, in_use FROM jobs_limits ORDER BY id DESC LIMIT $1) AS l
WHERE l.kind = 'concurrent'
GROUP BY l.job_id
HAVING SUM(l.in_use) > 0
ORDER BY l.job_id
