-- Imports the rows of executions with limits or `max_waiting`, from JSON arrays.
-- $1 seq, limits, whether it counts for `max_waiting`; $2 new waiters; $3 backlog entries; $4
-- unique and debounce keys.
WITH limited_rows AS (
    INSERT INTO jobs.limited (seq, limits, capped)
    SELECT
        (v ->> 0)::bigint,
        CASE WHEN v ->> 1 IS NOT NULL THEN ARRAY(
            SELECT i::bigint FROM json_array_elements_text(v -> 1) AS i
        ) END,
        (v ->> 2)::boolean
    FROM json_array_elements($1::json) AS n (v)
),
new_waiters AS (
    INSERT INTO jobs.blocked (seq, limit_id, rank, attempt, spent, passed)
    SELECT x.seq, 0, 100 - x.priority, (v ->> 1)::integer, (v ->> 2)::integer, 0
    FROM json_array_elements($2::json) AS n (v)
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[(v ->> 0)::bigint])
),
backlog AS (
    INSERT INTO jobs.backlog_entries (seq, job_id)
    SELECT (v ->> 0)::bigint, v ->> 1 FROM json_array_elements($3::json) AS n (v)
)
INSERT INTO jobs.unique_keys (job_id, kind, key, execution_id)
SELECT v ->> 0, v ->> 1, v ->> 2, (v ->> 3)::uuid
FROM json_array_elements($4::json) AS n (v)
ON CONFLICT (job_id, kind, key) DO UPDATE SET execution_id = excluded.execution_id
