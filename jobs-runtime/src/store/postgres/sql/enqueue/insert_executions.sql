-- First part of an enqueue: inserts executions, and schedules the delayed ones.
-- $1 to $17: one array per column. Seqs are assigned in the order of the arrays. An existing id
-- fails the statement; `existing_ids.sql` looks them up.
WITH created AS (
    INSERT INTO jobs.executions (
        id, job_id, queue, priority, payload, timeout_ms, max_attempts, retry, created_at, run_at,
        triggered_by, correlation_id, item_id, created_by, tags, parent_id, trace_parent
    )
    SELECT
        n.id, n.job_id, n.queue, n.priority, n.payload, n.timeout_ms, n.max_attempts, n.retry,
        n.created_at, n.run_at, n.triggered_by, n.correlation_id, n.item_id, n.created_by,
        CASE n.tags WHEN '{}' THEN '{}' ELSE n.tags::text[] END, n.parent_id, n.trace_parent
    FROM (
        SELECT
            unnest($1::uuid[]) AS id, unnest($2::text[]) AS job_id, unnest($3::text[]) AS queue,
            unnest($4::smallint[]) AS priority, unnest($5::text[]) AS payload,
            unnest($6::bigint[]) AS timeout_ms, unnest($7::bigint[]) AS max_attempts,
            unnest($8::text[]) AS retry, unnest($9::bigint[]) AS created_at, unnest($10::bigint[]) AS run_at,
            unnest($11::text[]) AS triggered_by, unnest($12::text[]) AS correlation_id,
            unnest($13::text[]) AS item_id, unnest($14::text[]) AS created_by, unnest($15::text[]) AS tags,
            unnest($16::uuid[]) AS parent_id, unnest($17::text[]) AS trace_parent
    ) AS n
    RETURNING seq, id, job_id, queue, priority, created_at, run_at
),
delayed AS (
    INSERT INTO jobs.scheduled (seq, run_at, attempt, spent)
    SELECT seq, run_at, 1, 0 FROM created WHERE run_at > created_at
)
