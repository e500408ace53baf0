-- Reads the attempts of the execution p.seq, in their order: those that another attempt followed,
-- the last one of a final execution, the running one.
-- Returns one JSON array. A part of a larger statement: the caller provides p.
SELECT json_group_array(
    json_array(
        t.attempt, t.outcome, t.error_kind, t.error_message, IFNULL(w.worker, ''), t.started_at,
        t.finished_at, t.retry_at
    )
    ORDER BY t.attempt
)
FROM (
    SELECT
        attempt, outcome, error_kind, error_message, IFNULL(executed_by, session) AS executor,
        started_at, finished_at, retry_at
    FROM jobs_attempts
    WHERE seq = p.seq
    UNION ALL
    SELECT
        attempt, outcome, error_kind, error_message, IFNULL(executed_by, session),
        started_at, finished_at, NULL
    FROM jobs_outcomes
    WHERE seq = p.seq AND outcome IS NOT NULL
    UNION ALL
    SELECT attempt, NULL, NULL, NULL, IFNULL(executed_by, session), claimed_at, NULL, NULL
    FROM jobs_leases
    WHERE seq = p.seq
) AS t
LEFT JOIN jobs_sessions AS w ON w.id = t.executor
