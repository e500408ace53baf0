-- End of an export: the executions of the page, each with its state and the size of its log.
SELECT
    x.seq, x.id, x.job_id, x.queue, x.priority, x.timeout_ms, x.max_attempts, x.retry,
    x.created_at, x.run_at, x.triggered_by, x.correlation_id, x.item_id, x.created_by, x.tags,
    x.parent_id, x.trace_parent, x.erased_at, x.erased_by, x.payload,
    CASE
        WHEN o.seq IS NOT NULL THEN 'final'
        WHEN l.seq IS NOT NULL THEN 'running'
        WHEN s.seq IS NOT NULL THEN 'scheduled'
        WHEN r.seq IS NOT NULL OR h.seq IS NOT NULL THEN 'queued'
    END AS place,
    COALESCE(o.attempt, s.attempt, r.attempt, h.attempt) AS attempt,
    COALESCE(s.spent, r.spent, h.spent) AS spent,
    s.run_at AS due_at, e.expires_at,
    o.status, o.finished_at, o.outcome, w.worker, o.started_at, o.error_kind, o.error_message,
    o.progress, o.progress_message, o.result, COALESCE(m.capped, FALSE) AS capped,
    (
        SELECT SUM(octet_length(g.message) + COALESCE(octet_length(g.fields), 0))::bigint
        FROM jobs.logs AS g WHERE g.seq = ANY (ARRAY[x.seq])
    ) AS log_bytes
FROM page AS x
LEFT JOIN jobs.outcomes AS o ON o.seq = ANY (ARRAY[x.seq])
LEFT JOIN LATERAL (SELECT * FROM jobs.leases AS b WHERE b.seq = x.seq LIMIT 1) AS l ON TRUE
LEFT JOIN LATERAL (SELECT * FROM jobs.scheduled AS b WHERE b.seq = x.seq LIMIT 1) AS s ON TRUE
LEFT JOIN LATERAL (
    SELECT b.seq, b.attempt, b.spent
    FROM jobs.ready AS b
    WHERE b.rank = 100 - x.priority AND b.seq = x.seq
    LIMIT 1
) AS r ON TRUE
LEFT JOIN LATERAL (SELECT * FROM jobs.blocked AS b WHERE b.seq = x.seq LIMIT 1) AS h ON TRUE
LEFT JOIN LATERAL (SELECT * FROM jobs.expirations AS b WHERE b.seq = x.seq LIMIT 1) AS e ON TRUE
LEFT JOIN jobs.limited AS m ON m.seq = ANY (ARRAY[x.seq])
LEFT JOIN jobs.sessions AS w ON w.id = ANY (ARRAY[COALESCE(o.executed_by, o.session)])
ORDER BY x.seq
