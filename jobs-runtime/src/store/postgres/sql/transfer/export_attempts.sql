-- Exports the attempts that others followed, of the executions from seq $1 to $2.
SELECT
    a.seq, a.attempt, a.outcome, COALESCE(w.worker, '') AS worker, a.started_at,
    a.finished_at, a.retry_at,
    a.error_kind, a.error_message, a.progress, a.progress_message, a.result
FROM jobs.attempts AS a
LEFT JOIN jobs.sessions AS w ON w.id = ANY (ARRAY[COALESCE(a.executed_by, a.session)])
WHERE a.seq BETWEEN $1 AND $2
ORDER BY a.seq, a.attempt
