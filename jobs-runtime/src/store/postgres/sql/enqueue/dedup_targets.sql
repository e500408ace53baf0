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
LEFT JOIN LATERAL (SELECT * FROM jobs.leases AS b WHERE b.seq = x.seq LIMIT 1) AS l ON TRUE
LEFT JOIN LATERAL (SELECT * FROM jobs.scheduled AS b WHERE b.seq = x.seq LIMIT 1) AS s ON TRUE
WHERE x.id = ANY ($1)
