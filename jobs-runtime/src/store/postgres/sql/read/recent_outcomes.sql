-- Reads the newest final executions, $1 at most.
SELECT
    x.job_id, o.status, o.attempt, x.created_at, x.run_at, o.started_at, o.finished_at
FROM (
    SELECT seq, status, attempt, started_at, finished_at
    FROM jobs.outcomes
    ORDER BY seq DESC
    LIMIT $1
) AS o
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[o.seq])
