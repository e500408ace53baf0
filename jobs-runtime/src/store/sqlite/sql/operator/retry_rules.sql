-- Reads what the rules of a retry depend on.
-- $1  the seq of the execution
-- $2  the unique key; NULL if it has none
-- Returns one row: its job, the newest execution with the key (hex) and the status of that one.
SELECT
    x.job_id, nullif(lower(hex(h.id)), ''),
    CASE
        WHEN h.seq IS NULL THEN NULL
        WHEN o.seq IS NOT NULL THEN o.status
        WHEN l.seq IS NOT NULL THEN 'running'
        WHEN s.seq IS NOT NULL THEN 'pending'
        ELSE 'queued'
    END
FROM jobs_executions AS x
LEFT JOIN jobs_unique_keys AS k ON k.job_id = x.job_id AND k.kind = 'unique' AND k.key = $2
LEFT JOIN jobs_executions AS h ON h.id = k.execution_id
LEFT JOIN jobs_outcomes AS o ON o.seq = h.seq
LEFT JOIN jobs_leases AS l ON l.seq = h.seq
LEFT JOIN jobs_scheduled AS s ON s.seq = h.seq
WHERE x.seq = $1
