-- Reads the statuses of the executions with the ids $1, in the order of the array.
-- Returns id, job, queue and status; no row for an unknown id.
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
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
JOIN jobs.executions AS x ON x.id = ANY (ARRAY[i.id])
LEFT JOIN jobs.outcomes AS o ON o.seq = ANY (ARRAY[x.seq])
LEFT JOIN LATERAL (SELECT * FROM jobs.leases AS b WHERE b.seq = x.seq LIMIT 1) AS l ON TRUE
LEFT JOIN LATERAL (SELECT * FROM jobs.scheduled AS b WHERE b.seq = x.seq LIMIT 1) AS s ON TRUE
ORDER BY i.place
