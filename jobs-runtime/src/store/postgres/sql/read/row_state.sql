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
LEFT JOIN jobs.leases AS l ON l.seq = ANY (ARRAY[x.seq])
LEFT JOIN jobs.scheduled AS s ON s.seq = ANY (ARRAY[x.seq])
LEFT JOIN LATERAL (
    SELECT b.seq
    FROM jobs.ready AS b
    WHERE (b.rank, b.seq) >= (100 - x.priority, x.seq)
        AND (b.rank, b.seq) <= (100 - x.priority, x.seq)
    ORDER BY b.rank, b.seq
    LIMIT 1
) AS r ON TRUE
LEFT JOIN jobs.blocked AS h ON h.seq = ANY (ARRAY[x.seq])
WHERE x.seq = $1
