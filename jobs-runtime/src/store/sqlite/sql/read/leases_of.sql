-- How many attempts each session holds: of the queue $1, or of the jobs in the array $2, one of which is NULL.
SELECT l.session, COUNT(*)
FROM jobs_leases AS l
CROSS JOIN jobs_executions AS x ON x.seq = l.seq
WHERE ($1 IS NULL OR x.queue = $1)
    AND ($2 IS NULL OR x.job_id IN (SELECT value FROM json_each($2)))
GROUP BY l.session
