-- Beginning of an export: the executions that follow.
-- $1  the seq after which to start
-- $2  the most executions
WITH page AS (SELECT * FROM jobs_executions WHERE seq > $1 ORDER BY seq LIMIT $2)
