-- Writes the states, attempts and idempotency keys of the executions that import_executions.sql has
-- created.
-- $1  JSON array: ready executions [seq, next attempt, attempts that count against the budget]
-- $2  JSON array: scheduled ones [seq, run_at, next attempt, attempts that count against the
--     budget]
-- $3  JSON array: outcomes of final ones, in the order of the columns
-- $4  JSON array: attempts, in the order of the columns
-- $5  JSON array: idempotency keys [job, key, execution id (hex), payload digest, time of expiry]
INSERT INTO jobs_ready (queue, rank, seq, job_id, attempt, spent)
SELECT x.queue, 100 - x.priority, x.seq, x.job_id, p.value ->> 1, p.value ->> 2
FROM json_each($1) AS p
CROSS JOIN jobs_executions AS x ON x.seq = p.value ->> 0;

INSERT INTO jobs_scheduled (seq, run_at, attempt, spent)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each($2);

INSERT INTO jobs_outcomes (
    seq, status, finished_at, attempt, outcome, session, started_at, error_kind, error_message,
    progress, progress_message, result
)
SELECT
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
    value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11
FROM json_each($3);

INSERT INTO jobs_attempts (
    seq, attempt, outcome, session, started_at, finished_at, retry_at, error_kind, error_message,
    progress, progress_message, result
)
SELECT
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
    value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11
FROM json_each($4);

INSERT INTO jobs_idempotency_keys (job_id, key, execution_id, payload_digest, expires_at)
SELECT value ->> 0, value ->> 1, unhex(value ->> 2), value ->> 3, value ->> 4
FROM json_each($5)
WHERE TRUE
ON CONFLICT (job_id, key) DO NOTHING
