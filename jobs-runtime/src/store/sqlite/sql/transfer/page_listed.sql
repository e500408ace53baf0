-- Beginning of an export: some executions.
-- $1  JSON array: ids (hex)
WITH page AS (
    SELECT x.*
    FROM json_each($1) AS e
    CROSS JOIN jobs_executions AS x ON x.id = unhex(e.value)
)
