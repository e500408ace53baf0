-- Reads the seq and the status of an execution.
-- $1  the id of the execution
-- Returns one row, or none if it does not exist.
SELECT
    x.seq,
    CASE
        WHEN o.seq IS NOT NULL THEN o.status
        WHEN l.seq IS NOT NULL THEN 'running'
        WHEN s.seq IS NOT NULL THEN 'pending'
        ELSE 'queued'
    END
FROM jobs_executions AS x
LEFT JOIN jobs_outcomes AS o ON o.seq = x.seq
LEFT JOIN jobs_leases AS l ON l.seq = x.seq
LEFT JOIN jobs_scheduled AS s ON s.seq = x.seq
WHERE x.id = $1
