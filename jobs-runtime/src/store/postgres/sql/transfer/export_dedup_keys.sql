-- The keys under which executions from number $1 to $2 are the newest of those that are the same.
SELECT x.seq, k.kind, k.key
FROM jobs.executions AS x
JOIN jobs.unique_keys AS k ON k.execution_id = ANY (ARRAY[x.id])
WHERE x.seq BETWEEN $1 AND $2
ORDER BY x.seq, k.kind, k.key
