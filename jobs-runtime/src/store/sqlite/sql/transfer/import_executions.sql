-- Creates executions. They have consecutive seq.
-- $1  JSON array: a row for each execution, in the order of the columns
-- Returns one row: the seq of the last one.
INSERT INTO jobs_executions (
    id, job_id, queue, priority, payload, timeout_ms, max_attempts, retry, created_at, run_at,
    triggered_by, correlation_id, item_id, created_by, tags, parent_id, trace_parent
)
SELECT
    unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
    value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12,
    value ->> 13, value ->> 14, unhex(value ->> 15), value ->> 16
FROM json_each($1);

SELECT MAX(seq) FROM jobs_executions
