-- Lists limits by job.
-- $1  the most limits
-- $2  the first job, $3 the last job
-- $4  the number at which to stop counting the executions that wait for a limit
SELECT
    l.key, l.job_id, l.kind, l.count, l.period_ms, l.in_use, l.paused_until,
    (
        SELECT COUNT(*)
        FROM (SELECT 1 FROM jobs_blocked AS h WHERE h.limit_id = l.id LIMIT $4)
    ) AS waiting
FROM jobs_limits AS l
WHERE l.job_id >= $2 AND l.job_id <= $3
ORDER BY l.job_id, l.id
LIMIT $1
