-- Reads the attempts that another attempt followed.
-- $1  JSON array: seqs of the executions
SELECT
    a.seq, a.attempt, a.outcome, IFNULL(w.worker, '') AS worker, a.started_at,
    a.finished_at, a.retry_at,
    a.error_kind, a.error_message, a.progress, a.progress_message, a.result
FROM jobs_attempts AS a
LEFT JOIN jobs_sessions AS w ON w.id = IFNULL(a.executed_by, a.session)
WHERE a.seq IN (SELECT value FROM json_each($1))
ORDER BY a.seq, a.attempt
