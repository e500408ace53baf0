-- Reads the first unpublished entries of a pair of queue and job.
-- $1  the queue
-- $2  the job
-- $3  the present time
-- $4  the most entries
SELECT u.rank, u.seq, u.attempt, u.version, x.id
FROM jobs_unpublished AS u
CROSS JOIN jobs_executions AS x ON x.seq = u.seq
WHERE u.queue = $1 AND u.job_id = $2 AND u.publish_at <= $3
ORDER BY u.rank, u.seq
LIMIT $4
