-- Writes $2 executions from the JSON array $1, a row each. They get consecutive
-- numbers, so that the rows just written are the last $2 ones; says the last number.
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
