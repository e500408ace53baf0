-- Beginning of an export: the executions $1.
WITH page AS (
    SELECT x.*
    FROM unnest($1::uuid[]) AS e (id)
    JOIN jobs.executions AS x ON x.id = ANY (ARRAY[e.id])
)
