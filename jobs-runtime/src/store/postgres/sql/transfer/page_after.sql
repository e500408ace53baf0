-- Beginning of an export: the next $2 executions after the seq $1.
WITH page AS (SELECT * FROM jobs.executions WHERE seq > $1 ORDER BY seq LIMIT $2)
