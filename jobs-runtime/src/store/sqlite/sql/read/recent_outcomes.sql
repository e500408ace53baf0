-- Reads the newest final executions.
-- $1  the most executions
SELECT
    x.job_id, o.status, o.attempt, x.created_at, x.run_at, o.started_at, o.finished_at
FROM (
    SELECT seq, status, attempt, started_at, finished_at
    FROM jobs_outcomes
    WHERE seq <= 9223372036854775807
    ORDER BY seq DESC
    LIMIT $1
) AS o
CROSS JOIN jobs_executions AS x ON x.seq = o.seq
