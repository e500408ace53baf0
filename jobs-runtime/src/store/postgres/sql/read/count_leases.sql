-- Counts the leases of each session: of the queue $1, or of the jobs $2. One of these is NULL.
SELECT l.session, COUNT(*)
FROM jobs.leases AS l
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[l.seq])
WHERE ($1::text IS NULL OR x.queue = $1) AND ($2::text[] IS NULL OR x.job_id = ANY ($2))
GROUP BY l.session
