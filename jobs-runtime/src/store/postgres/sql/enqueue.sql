-- Creates executions, and schedules those that are delayed. Numbers are given in the order of the arrays.
-- An id that exists fails the statement: see enqueue_ids.sql.
WITH created AS (
    INSERT INTO jobs.executions (
        id, job_id, queue, priority, payload, timeout_ms, max_attempts, retry, created_at, run_at,
        triggered_by, correlation_id, item_id, created_by, tags, parent_id, trace_parent
    )
    SELECT
        n.id, n.job_id, n.queue, n.priority, n.payload, n.timeout_ms, n.max_attempts, n.retry,
        n.created_at, n.run_at, n.triggered_by, n.correlation_id, n.item_id, n.created_by,
        n.tags::text[], n.parent_id, n.trace_parent
    FROM unnest(
        $1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::bigint[], $7::bigint[],
        $8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[],
        $14::text[], $15::text[], $16::uuid[], $17::text[]
    ) AS n (
        id, job_id, queue, priority, payload, timeout_ms, max_attempts, retry, created_at, run_at,
        triggered_by, correlation_id, item_id, created_by, tags, parent_id, trace_parent
    )
    RETURNING seq, id, job_id, queue, priority, created_at, run_at
),
delayed AS (
    INSERT INTO jobs.scheduled (seq, run_at, attempt, spent)
    SELECT seq, run_at, 1, 0 FROM created WHERE run_at > created_at
)
