-- Exports the unique and debounce keys that name the executions from seq $1 to $2.
SELECT x.seq, k.kind, k.key
FROM jobs.executions AS x
JOIN jobs.unique_keys AS k ON k.execution_id = ANY (ARRAY[x.id])
WHERE x.seq BETWEEN $1 AND $2
ORDER BY x.seq, k.kind, k.key
