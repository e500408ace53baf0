-- Exports the attempts that others followed, of the executions with the seqs $1.
SELECT
    a.seq, a.attempt, a.outcome, COALESCE(w.worker, '') AS worker, a.started_at,
    a.finished_at, a.retry_at,
    a.error_kind, a.error_message, a.progress, a.progress_message, a.result
FROM jobs.attempts AS a
LEFT JOIN jobs.sessions AS w ON w.id = ANY (ARRAY[COALESCE(a.executed_by, a.session)])
WHERE a.seq = ANY ($1::bigint[])
ORDER BY a.seq, a.attempt
