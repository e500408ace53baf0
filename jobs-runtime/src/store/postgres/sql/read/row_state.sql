-- Reads the status of the execution with the seq $1.
-- Returns no row if it was deleted, and NULL if the statement sees it in no table: another
-- transaction is moving it.
SELECT
    CASE
        WHEN o.seq IS NOT NULL THEN o.status
        WHEN l.seq IS NOT NULL THEN 'running'
        WHEN s.seq IS NOT NULL THEN 'pending'
        WHEN r.seq IS NOT NULL OR h.seq IS NOT NULL THEN 'queued'
    END
FROM jobs.executions AS x
LEFT JOIN jobs.outcomes AS o ON o.seq = ANY (ARRAY[x.seq])
LEFT JOIN LATERAL (SELECT * FROM jobs.leases AS b WHERE b.seq = x.seq LIMIT 1) AS l ON TRUE
LEFT JOIN LATERAL (SELECT * FROM jobs.scheduled AS b WHERE b.seq = x.seq LIMIT 1) AS s ON TRUE
LEFT JOIN LATERAL (
    SELECT b.seq
    FROM jobs.ready AS b
    WHERE b.rank = 100 - x.priority AND b.seq = x.seq
    LIMIT 1
) AS r ON TRUE
LEFT JOIN LATERAL (SELECT * FROM jobs.blocked AS b WHERE b.seq = x.seq LIMIT 1) AS h ON TRUE
WHERE x.seq = $1
