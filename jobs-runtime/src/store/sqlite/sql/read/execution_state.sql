-- Where the execution $1 stands.
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
