-- Records attempts that another attempt follows, queues or schedules their executions, and deletes
-- the leases. A lease must match its fence, have the limits that the settlement names, and have no
-- cancellation requested. If not every attempt matches, the caller rolls back.
-- $6  JSON array: [seq, session, claim, attempt, time of the retry or NULL, outcome, started at,
--     finished at, percent, error kind, error message, progress message, 1 if the attempt
--     counts against the budget else 0, limits]
-- Returns one row: 'requeued', the number of attempts.
INSERT INTO jobs_attempts (
    seq, attempt, outcome, session, executed_by, started_at, finished_at, retry_at, error_kind,
    error_message, progress, progress_message
)
SELECT
    l.seq, l.attempt, s.value ->> 5, l.session, l.executed_by, s.value ->> 6, s.value ->> 7,
    s.value ->> 4, s.value ->> 9, s.value ->> 10, MAX(l.progress, s.value ->> 8),
    IFNULL(s.value ->> 11, l.progress_message)
FROM jsonb_each($6) AS s
CROSS JOIN jobs_leases AS l ON l.seq = s.value ->> 0
WHERE l.session = s.value ->> 1 AND l.claim = s.value ->> 2 AND l.attempt = s.value ->> 3
    AND l.cancel_requested_at IS NULL AND l.limits IS s.value ->> 13;

SELECT 'requeued', changes();

INSERT INTO jobs_scheduled (seq, run_at, attempt, spent)
SELECT l.seq, s.value ->> 4, l.attempt + 1, l.spent + (s.value ->> 12)
FROM jsonb_each($6) AS s
CROSS JOIN jobs_leases AS l ON l.seq = s.value ->> 0
WHERE s.value ->> 4 IS NOT NULL;

INSERT INTO jobs_ready (queue, rank, seq, job_id, attempt, spent)
SELECT x.queue, 100 - x.priority, x.seq, x.job_id, l.attempt + 1, l.spent + (s.value ->> 12)
FROM jsonb_each($6) AS s
CROSS JOIN jobs_leases AS l ON l.seq = s.value ->> 0 AND l.limits IS NULL
CROSS JOIN jobs_executions AS x ON x.seq = l.seq
WHERE s.value ->> 4 IS NULL;

-- The next attempt of an execution with limits needs new permits.
INSERT INTO jobs_blocked (seq, limit_id, rank, attempt, spent, passed)
SELECT x.seq, 0, 100 - x.priority, l.attempt + 1, l.spent + (s.value ->> 12), 0
FROM jsonb_each($6) AS s
CROSS JOIN jobs_leases AS l ON l.seq = s.value ->> 0 AND l.limits IS NOT NULL
CROSS JOIN jobs_executions AS x ON x.seq = l.seq
WHERE s.value ->> 4 IS NULL;

INSERT INTO jobs_backlog_entries (seq, job_id)
SELECT x.seq, x.job_id
FROM jsonb_each($6) AS s
CROSS JOIN jobs_limited AS m ON m.seq = s.value ->> 0 AND m.capped
CROSS JOIN jobs_executions AS x ON x.seq = m.seq;

DELETE FROM jobs_leases WHERE seq IN (SELECT value ->> 0 FROM jsonb_each($6));
