-- Reads the attempts that another attempt followed.
-- $1  the seq of the first execution
-- $2  the seq of the last one
SELECT
    a.seq, a.attempt, a.outcome, IFNULL(w.worker, '') AS worker, a.started_at,
    a.finished_at, a.retry_at,
    a.error_kind, a.error_message, a.progress, a.progress_message, a.result
FROM jobs_attempts AS a
LEFT JOIN jobs_sessions AS w ON w.id = IFNULL(a.executed_by, a.session)
WHERE a.seq BETWEEN $1 AND $2
ORDER BY a.seq, a.attempt
