-- Imports the states and records of executions, from JSON arrays.
-- $1 ready, $2 scheduled, $3 final, $4 attempts that others followed, $5 idempotency keys, $6 log
-- lines.
WITH ready AS (
    INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent)
    SELECT x.seq, 100 - x.priority, x.queue, x.job_id, (v ->> 1)::integer, (v ->> 2)::integer
    FROM json_array_elements($1::json) AS n (v)
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[(v ->> 0)::bigint])
),
scheduled AS (
    INSERT INTO jobs.scheduled (seq, run_at, attempt, spent)
    SELECT (v ->> 0)::bigint, (v ->> 1)::bigint, (v ->> 2)::integer, (v ->> 3)::integer
    FROM json_array_elements($2::json) AS n (v)
),
final AS (
    INSERT INTO jobs.outcomes (
        seq, status, finished_at, attempt, outcome, session, started_at, error_kind,
        error_message, progress, progress_message, result
    )
    SELECT
        (v ->> 0)::bigint, v ->> 1, (v ->> 2)::bigint, (v ->> 3)::integer, v ->> 4,
        (v ->> 5)::bigint, (v ->> 6)::bigint, v ->> 7, v ->> 8, (v ->> 9)::smallint, v ->> 10,
        v ->> 11
    FROM json_array_elements($3::json) AS n (v)
),
attempts AS (
    INSERT INTO jobs.attempts (
        seq, attempt, outcome, session, started_at, finished_at, retry_at, error_kind,
        error_message, progress, progress_message, result
    )
    SELECT
        (v ->> 0)::bigint, (v ->> 1)::integer, v ->> 2, (v ->> 3)::bigint, (v ->> 4)::bigint,
        (v ->> 5)::bigint, (v ->> 6)::bigint, v ->> 7, v ->> 8, (v ->> 9)::smallint, v ->> 10,
        v ->> 11
    FROM json_array_elements($4::json) AS n (v)
),
keys AS (
    INSERT INTO jobs.idempotency_keys (
        job_id, key, execution_id, payload_digest, expires_at, created_at
    )
    SELECT v ->> 0, v ->> 1, (v ->> 2)::uuid, v ->> 3, (v ->> 4)::bigint, x.created_at
    FROM json_array_elements($5::json) AS n (v)
    JOIN jobs.executions AS x ON x.id = ANY (ARRAY[(v ->> 2)::uuid])
    ON CONFLICT (job_id, key) DO NOTHING
)
INSERT INTO jobs.logs (seq, attempt, line, at, level, target, message, fields)
SELECT
    (v ->> 0)::bigint, (v ->> 1)::integer, (v ->> 2)::integer, (v ->> 3)::bigint,
    (v ->> 4)::smallint, v ->> 5, v ->> 6, v ->> 7
FROM json_array_elements($6::json) AS n (v)
