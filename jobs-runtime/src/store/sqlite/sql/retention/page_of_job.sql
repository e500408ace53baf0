-- Beginning of a search for expired executions: the next executions of one job.
-- $1  the seq after which to start
-- $2  the most executions to examine
-- $8  the job
WITH page AS MATERIALIZED (
    SELECT x.seq, o.status, o.finished_at
    FROM (
        SELECT seq FROM jobs_executions WHERE job_id = $8 AND seq > $1 ORDER BY seq LIMIT $2
    ) AS x
    LEFT JOIN jobs_outcomes AS o ON o.seq = x.seq
),
