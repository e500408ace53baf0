-- Reads unique and debounce keys.
-- $1  JSON array: seqs of the executions
SELECT x.seq, k.kind, k.key
FROM jobs_executions AS x
CROSS JOIN jobs_unique_keys AS k ON k.execution_id = x.id
WHERE x.seq IN (SELECT value FROM json_each($1))
