-- Finds the limits that the next $2 executions after the seq $1 name. Returns the last seq (NULL at
-- the end) and the limits.
WITH page AS MATERIALIZED (
    SELECT seq, limits FROM jobs.limited WHERE seq > $1 ORDER BY seq LIMIT $2
)
SELECT
    (SELECT MAX(seq) FROM page),
    ARRAY(SELECT DISTINCT e.id FROM page AS p CROSS JOIN LATERAL unnest(p.limits) AS e (id))
