-- Queues a failed or cancelled execution again, with a fresh budget. Its last attempt is kept.
-- $1  the seq of the execution
-- $2  the new payload; NULL keeps the old one
INSERT INTO jobs_attempts (
    seq, attempt, outcome, session, executed_by, started_at, finished_at, error_kind,
    error_message, progress, progress_message, result
)
SELECT
    seq, attempt, outcome, session, executed_by, started_at, finished_at, error_kind,
    error_message, progress, progress_message, result
FROM jobs_outcomes
WHERE seq = $1 AND outcome IS NOT NULL;

-- If the execution was cancelled while it waited for a retry, the attempt before has a time for it.
UPDATE jobs_attempts SET retry_at = NULL
WHERE (seq, attempt) = (SELECT seq, attempt FROM jobs_outcomes WHERE seq = $1 AND outcome IS NULL);

INSERT INTO jobs_ready (queue, rank, seq, job_id, attempt, spent)
SELECT x.queue, 100 - x.priority, x.seq, x.job_id, o.attempt + 1, 0
FROM jobs_executions AS x
CROSS JOIN jobs_outcomes AS o ON o.seq = x.seq
LEFT JOIN jobs_limited AS m ON m.seq = x.seq
WHERE x.seq = $1 AND m.limits IS NULL;

INSERT INTO jobs_blocked (seq, limit_id, rank, attempt, spent, passed)
SELECT x.seq, 0, 100 - x.priority, o.attempt + 1, 0, 0
FROM jobs_executions AS x
CROSS JOIN jobs_outcomes AS o ON o.seq = x.seq
CROSS JOIN jobs_limited AS m ON m.seq = x.seq
WHERE x.seq = $1 AND m.limits IS NOT NULL;

INSERT INTO jobs_backlog_entries (seq, job_id)
SELECT x.seq, x.job_id
FROM jobs_executions AS x
CROSS JOIN jobs_limited AS m ON m.seq = x.seq
WHERE x.seq = $1 AND m.capped;

DELETE FROM jobs_outcomes WHERE seq = $1;

UPDATE jobs_executions SET payload = $2 WHERE seq = $1 AND $2 IS NOT NULL;
