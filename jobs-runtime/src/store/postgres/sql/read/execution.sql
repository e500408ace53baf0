-- Fragment: executions with their status, without attempts.
-- `a` is the attempt that ended before the one in `l` (leases) or `o` (outcomes).
SELECT
    x.seq, x.id, x.job_id, x.queue, x.priority, x.payload, x.max_attempts, x.created_at,
    x.triggered_by, x.created_by, x.item_id, x.correlation_id, x.tags, x.parent_id,
    x.trace_parent, x.erased_at, x.erased_by,
    CASE
        WHEN o.seq IS NOT NULL THEN o.status
        WHEN l.seq IS NOT NULL THEN 'running'
        WHEN s.seq IS NOT NULL THEN 'pending'
        ELSE 'queued'
    END AS execution_status,
    COALESCE(o.attempt, l.attempt, s.attempt - 1, r.attempt - 1, h.attempt - 1, 0) AS attempt,
    COALESCE(s.run_at, a.retry_at, x.run_at) AS run_at,
    e.expires_at,
    o.result,
    CASE
        WHEN o.seq IS NOT NULL THEN o.error_kind
        WHEN l.seq IS NULL AND a.retry_at IS NOT NULL THEN a.error_kind
    END AS error_kind,
    CASE
        WHEN o.seq IS NOT NULL THEN o.error_message
        WHEN l.seq IS NULL AND a.retry_at IS NOT NULL THEN a.error_message
    END AS error_message,
    COALESCE(o.progress, l.progress, 0::smallint) AS progress,
    COALESCE(o.progress_message, l.progress_message) AS progress_message,
    COALESCE(o.started_at, l.claimed_at, a.started_at) AS started_at,
    o.finished_at,
    l.cancel_requested_at,
    CASE
        WHEN o.started_at IS NOT NULL THEN o.finished_at - o.started_at
        WHEN l.seq IS NULL THEN a.finished_at - a.started_at
    END AS duration_ms
FROM jobs.executions AS x
LEFT JOIN jobs.outcomes AS o ON o.seq = ANY (ARRAY[x.seq])
LEFT JOIN LATERAL (SELECT * FROM jobs.leases AS b WHERE b.seq = x.seq LIMIT 1) AS l ON TRUE
LEFT JOIN LATERAL (SELECT * FROM jobs.scheduled AS b WHERE b.seq = x.seq LIMIT 1) AS s ON TRUE
LEFT JOIN LATERAL (
    SELECT b.seq, b.attempt
    FROM jobs.ready AS b
    WHERE b.rank = 100 - x.priority AND b.seq = x.seq
    LIMIT 1
) AS r ON TRUE
LEFT JOIN LATERAL (SELECT * FROM jobs.blocked AS b WHERE b.seq = x.seq LIMIT 1) AS h ON TRUE
LEFT JOIN LATERAL (SELECT * FROM jobs.expirations AS b WHERE b.seq = x.seq LIMIT 1) AS e ON TRUE
LEFT JOIN jobs.attempts AS a ON a.seq = ANY (ARRAY[x.seq]) AND a.attempt = ANY (ARRAY[COALESCE(
    o.attempt - (o.outcome IS NOT NULL)::integer, l.attempt - 1, s.attempt - 1, r.attempt - 1,
    h.attempt - 1
)])
