-- Beginning of a search for expired executions: the next final executions of all jobs.
-- $1  the seq after which to start
-- $2  the most executions to examine
WITH page AS MATERIALIZED (
    SELECT seq, status, finished_at FROM jobs_outcomes WHERE seq > $1 ORDER BY seq LIMIT $2
),
