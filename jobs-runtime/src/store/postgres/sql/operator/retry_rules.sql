-- Locks the unique key $2 (NULL: none) of the job of the execution $1.
-- Returns the job and the newest execution with the key; NULL if there is none.
SELECT x.job_id, k.execution_id
FROM jobs.executions AS x
LEFT JOIN LATERAL (
    SELECT u.execution_id
    FROM jobs.unique_keys AS u
    WHERE u.job_id = x.job_id AND u.kind = 'unique' AND u.key = $2
    FOR UPDATE
) AS k ON TRUE
WHERE x.seq = $1
