-- Reads executions with their status and error, without their payloads. A part of a larger
-- statement: the caller adds the condition.
SELECT
    x.seq, x.id, x.job_id,
    CASE
        WHEN o.seq IS NOT NULL THEN o.status
        WHEN l.seq IS NOT NULL THEN 'running'
        WHEN s.seq IS NOT NULL THEN 'pending'
        ELSE 'queued'
    END AS execution_status,
    o.finished_at, o.finished_at - o.started_at AS duration_ms, o.error_kind,
    substr(o.error_message, 1, 2048) AS error_message,
    IFNULL(o.executed_by, o.session) AS session
FROM jobs_executions AS x
LEFT JOIN jobs_outcomes AS o ON o.seq = x.seq
LEFT JOIN jobs_leases AS l ON l.seq = x.seq
LEFT JOIN jobs_scheduled AS s ON s.seq = x.seq
