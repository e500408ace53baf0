-- Fragment: the attempts of the execution p.seq, in their order, as one JSON text.
-- These are the attempts that others followed, the last one of a final execution, and the running
-- one.
SELECT COALESCE(
    json_agg(
        json_build_array(
            t.attempt, t.outcome, t.error_kind, t.error_message, COALESCE(w.worker, ''),
            t.started_at, t.finished_at, t.retry_at
        )
        ORDER BY t.attempt
    ),
    '[]'
)::text
FROM (
    SELECT
        attempt, outcome, error_kind, error_message, COALESCE(executed_by, session) AS executor,
        started_at, finished_at, retry_at
    FROM jobs.attempts
    WHERE seq = p.seq
    UNION ALL
    SELECT
        attempt, outcome, error_kind, error_message, COALESCE(executed_by, session),
        started_at, finished_at, NULL
    FROM jobs.outcomes
    WHERE seq = p.seq AND outcome IS NOT NULL
    UNION ALL
    SELECT attempt, NULL, NULL, NULL, COALESCE(executed_by, session), claimed_at, NULL, NULL
    FROM jobs.leases
    WHERE seq = p.seq
) AS t
LEFT JOIN jobs.sessions AS w ON w.id = ANY (ARRAY[t.executor])
