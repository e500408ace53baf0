-- Middle part of a settlement of final executions: inserts the outcomes.
INSERT INTO jobs.outcomes (
    seq, status, finished_at, attempt, outcome, session, executed_by, started_at, error_kind,
    error_message, progress, progress_message, result
)
SELECT
    seq, status, finished_at, attempt, outcome, session, executed_by, started_at, error_kind,
    error_message, progress, message, result
FROM ended
