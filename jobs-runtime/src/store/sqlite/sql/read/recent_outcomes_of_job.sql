-- Reads the final executions among the newest executions of a job.
-- $1  the most executions
-- $2  the job
SELECT
    x.job_id, o.status, o.attempt, x.created_at, x.run_at, o.started_at, o.finished_at
FROM (
    SELECT seq, job_id, created_at, run_at
    FROM jobs_executions
    WHERE job_id = $2
    ORDER BY seq DESC
    LIMIT $1
) AS x
CROSS JOIN jobs_outcomes AS o ON o.seq = x.seq
