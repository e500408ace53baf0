-- Lists up to $1 limits of the jobs from $2 to $3. The executions that wait for a limit are counted
-- up to $4.
SELECT
    l.key, l.job_id, l.kind, l.count, l.period_ms, l.in_use, l.paused_until,
    (
        SELECT COUNT(*)
        FROM (SELECT 1 FROM jobs.blocked AS h WHERE h.limit_id = l.id LIMIT $4) AS counted
    ) AS waiting
FROM jobs.limits AS l
WHERE l.job_id >= $2 AND l.job_id <= $3
ORDER BY l.job_id
LIMIT $1
