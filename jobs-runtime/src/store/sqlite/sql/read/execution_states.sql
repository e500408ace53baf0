-- Reads the states of executions.
-- $1  JSON array: ids (hex)
-- Returns rows in the order of the array: id, job, queue, status. Unknown ids have none.
SELECT
    x.id,
    x.job_id,
    x.queue,
    CASE
        WHEN o.seq IS NOT NULL THEN o.status
        WHEN l.seq IS NOT NULL THEN 'running'
        WHEN s.seq IS NOT NULL THEN 'pending'
        ELSE 'queued'
    END AS execution_status
FROM json_each($1) AS i
CROSS JOIN jobs_executions AS x ON x.id = unhex(i.value)
LEFT JOIN jobs_outcomes AS o ON o.seq = x.seq
LEFT JOIN jobs_leases AS l ON l.seq = x.seq
LEFT JOIN jobs_scheduled AS s ON s.seq = x.seq
ORDER BY i.key
