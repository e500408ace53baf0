-- Fragment: executions with their status and error, without their payloads.
SELECT
    x.seq, x.id, x.job_id,
    CASE
        WHEN o.seq IS NOT NULL THEN o.status
        WHEN l.seq IS NOT NULL THEN 'running'
        WHEN s.seq IS NOT NULL THEN 'pending'
        ELSE 'queued'
    END AS execution_status,
    o.finished_at, o.finished_at - o.started_at AS duration_ms, o.error_kind,
    left(o.error_message, 2048) AS error_message,
    COALESCE(o.executed_by, o.session) AS session
FROM jobs.executions AS x
LEFT JOIN jobs.outcomes AS o ON o.seq = ANY (ARRAY[x.seq])
LEFT JOIN LATERAL (SELECT * FROM jobs.leases AS b WHERE b.seq = x.seq LIMIT 1) AS l ON TRUE
LEFT JOIN LATERAL (SELECT * FROM jobs.scheduled AS b WHERE b.seq = x.seq LIMIT 1) AS s ON TRUE
