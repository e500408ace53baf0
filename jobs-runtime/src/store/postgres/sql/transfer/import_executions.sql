-- Imports executions from the JSON array $1, in its order. Returns id and seq of each.
INSERT INTO jobs.executions (
    id, job_id, queue, priority, payload, timeout_ms, max_attempts, retry, created_at, run_at,
    triggered_by, correlation_id, item_id, created_by, tags, parent_id, trace_parent
)
SELECT
    (v ->> 0)::uuid, v ->> 1, v ->> 2, (v ->> 3)::smallint, v ->> 4, (v ->> 5)::bigint,
    (v ->> 6)::bigint, v ->> 7, (v ->> 8)::bigint, (v ->> 9)::bigint, v ->> 10, v ->> 11,
    v ->> 12, v ->> 13,
    CASE
        WHEN v ->> 14 IS NOT NULL
        THEN ARRAY(SELECT json_array_elements_text((v ->> 14)::json))
    END,
    (v ->> 15)::uuid, v ->> 16
FROM json_array_elements($1::json) AS n (v)
RETURNING id, seq
