-- Locks the request with the key ($1, $2) and returns it, unless another process takes it in.
SELECT
    not_before, seq, id, enqueued_at, job_id, payload, priority, run_at, expires_ms,
    idempotency_key, correlation_id, item_id, created_by, tags, trace_parent
FROM jobs.inbox
WHERE not_before = $1 AND seq = $2
FOR UPDATE SKIP LOCKED
