-- Beginning of a search for expired executions: the next $2 executions of the job $8 after the seq
-- $1. The row comparison keeps the planner from a scan of the primary key.
WITH page AS MATERIALIZED (
    SELECT x.seq, o.status, o.finished_at
    FROM (
        SELECT job_id, seq FROM jobs.executions
        WHERE (job_id, seq) > ($8, $1) AND job_id <= $8
        ORDER BY job_id, seq
        LIMIT $2
    ) AS x
    LEFT JOIN jobs.outcomes AS o ON o.seq = ANY (ARRAY[x.seq])
),
