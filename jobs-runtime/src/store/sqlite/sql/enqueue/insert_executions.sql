-- Creates executions. Delayed ones are also scheduled; insert_ready.sql or insert_limited.sql
-- queues the others. The new rows have consecutive seq, so later statements find them as the last
-- $2 rows. An id that exists fails the statement: the careful mode looks it up first, see
-- existing.sql.
-- $1  JSON array of runs: [common fields, [own fields of each execution, ..]]; optional fields
--     (run_at, correlation id, item id) are in the rows of a run only if its common fields say so
-- $2  the number of executions
WITH run (
    job_id, queue, priority, timeout_ms, max_attempts, retry, triggered_by, created_by, tags, parent_id,
    trace_parent, created_at, is_rare, executions
) AS MATERIALIZED (
    SELECT
        value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', value ->> '$[0][3]', value ->> '$[0][4]',
        value ->> '$[0][5]', value ->> '$[0][6]', value ->> '$[0][7]', value ->> '$[0][8]',
        unhex(value ->> '$[0][9]'), value ->> '$[0][10]', value ->> '$[0][11][0]', value ->> '$[0][11][1]',
        jsonb_extract(value, '$[1]')
    FROM jsonb_each($1)
)
INSERT INTO jobs_executions (
    id, job_id, queue, priority, payload, timeout_ms, max_attempts, retry, created_at, run_at,
    triggered_by, correlation_id, item_id, created_by, tags, parent_id, trace_parent
)
SELECT
    unhex(x.value ->> 0), r.job_id, r.queue, r.priority, x.value ->> 1, r.timeout_ms, r.max_attempts, r.retry,
    r.created_at, iif(r.is_rare, IFNULL(x.value ->> 2, r.created_at), r.created_at), r.triggered_by,
    iif(r.is_rare, x.value ->> 3, NULL), iif(r.is_rare, x.value ->> 4, NULL), r.created_by, r.tags, r.parent_id,
    r.trace_parent
FROM run AS r
CROSS JOIN jsonb_each(r.executions) AS x;

INSERT INTO jobs_scheduled (seq, run_at, attempt, spent)
SELECT seq, run_at, 1, 0
FROM jobs_executions
WHERE seq > (SELECT MAX(seq) FROM jobs_executions) - $2 AND run_at > created_at;
