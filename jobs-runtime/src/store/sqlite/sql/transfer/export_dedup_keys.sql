-- Reads unique and debounce keys.
-- $1  the seq of the first execution
-- $2  the seq of the last one
SELECT x.seq, k.kind, k.key
FROM jobs_executions AS x
CROSS JOIN jobs_unique_keys AS k ON k.execution_id = x.id
WHERE x.seq BETWEEN $1 AND $2
