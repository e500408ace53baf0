-- Exports the unique and debounce keys that name the executions with the seqs $1.
SELECT x.seq, k.kind, k.key
FROM jobs.executions AS x
JOIN jobs.unique_keys AS k ON k.execution_id = ANY (ARRAY[x.id])
WHERE x.seq = ANY ($1::bigint[])
ORDER BY x.seq, k.kind, k.key
