-- Reads the existing unique and debounce keys, in the order of their keys.
-- $1 job, $2 kind, $3 key. Returns these and the execution that the key names.
SELECT k.job_id, k.kind, k.key, k.execution_id
FROM unnest($1::text[], $2::text[], $3::text[]) AS n (job_id, kind, key)
JOIN jobs.unique_keys AS k ON k.job_id = ANY (ARRAY[n.job_id])
    AND k.kind = ANY (ARRAY[n.kind]) AND k.key = ANY (ARRAY[n.key])
ORDER BY k.job_id, k.kind, k.key
