-- Reads the final executions among the newest $1 executions of the job $2.
SELECT
    x.job_id, o.status, o.attempt, x.created_at, x.run_at, o.started_at, o.finished_at
FROM (
    SELECT seq, job_id, created_at, run_at
    FROM jobs.executions
    WHERE (job_id, seq) < ($2, 9223372036854775807) AND job_id >= $2
    ORDER BY job_id DESC, seq DESC
    LIMIT $1
) AS x
JOIN jobs.outcomes AS o ON o.seq = ANY (ARRAY[x.seq])
