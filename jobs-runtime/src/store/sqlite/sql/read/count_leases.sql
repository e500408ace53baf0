-- Counts the leases of each session, for a queue or for a job. One parameter is NULL.
-- $1  the queue
-- $2  JSON array: ids of the job
-- Returns rows: session, number of leases.
SELECT l.session, COUNT(*)
FROM jobs_leases AS l
CROSS JOIN jobs_executions AS x ON x.seq = l.seq
WHERE ($1 IS NULL OR x.queue = $1)
    AND ($2 IS NULL OR x.job_id IN (SELECT value FROM json_each($2)))
GROUP BY l.session
