-- Reads the states of the executions $1, which unique and debounce keys name.
-- Returns id, time of creation, status, and whether the first attempt is scheduled.
SELECT
    x.id,
    x.created_at,
    CASE
        WHEN o.seq IS NOT NULL THEN o.status
        WHEN l.seq IS NOT NULL THEN 'running'
        WHEN s.seq IS NOT NULL THEN 'pending'
        ELSE 'queued'
    END,
    s.seq IS NOT NULL AND s.attempt = 1
FROM jobs.executions AS x
LEFT JOIN jobs.outcomes AS o ON o.seq = ANY (ARRAY[x.seq])
LEFT JOIN jobs.leases AS l ON l.seq = ANY (ARRAY[x.seq])
LEFT JOIN jobs.scheduled AS s ON s.seq = ANY (ARRAY[x.seq])
WHERE x.id = ANY ($1)
