-- Whom the keys $3 of the kinds $2 of the jobs $1 name, by which executions are the same one. They are
-- locked, always in the same order: whoever wants to bring one waits.
SELECT k.job_id, k.kind, k.key, k.execution_id
FROM unnest($1::text[], $2::text[], $3::text[]) AS n (job_id, kind, key)
JOIN jobs.unique_keys AS k ON k.job_id = ANY (ARRAY[n.job_id])
    AND k.kind = ANY (ARRAY[n.kind]) AND k.key = ANY (ARRAY[n.key])
ORDER BY k.job_id, k.kind, k.key
FOR UPDATE OF k
