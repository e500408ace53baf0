-- Finds the limits that the next executions name.
-- $1  the seq after which to start
-- $2  the most executions
-- Returns one row: last seq (NULL at the end), JSON array of limits.
WITH page AS MATERIALIZED (
    SELECT seq, limits FROM jobs_limited WHERE seq > $1 ORDER BY seq LIMIT $2
)
SELECT
    (SELECT MAX(seq) FROM page),
    (SELECT json_group_array(DISTINCT e.value) FROM page AS p, json_each(p.limits) AS e)
