-- Beginning of a search for expired executions: the next $2 final executions after the seq $1.
WITH page AS MATERIALIZED (
    SELECT seq, status, finished_at FROM jobs.outcomes WHERE seq > $1 ORDER BY seq LIMIT $2
),
