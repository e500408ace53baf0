-- Locks up to $2 requests that are due at the time $1, the oldest first. Those that another process
-- takes in are skipped. Returns the first of them, up to $3 bytes of payloads, and at least one.
WITH locked AS MATERIALIZED (
    SELECT *, octet_length(payload) AS bytes
    FROM jobs.inbox
    WHERE not_before <= $1
    ORDER BY not_before, seq
    LIMIT $2
    FOR UPDATE SKIP LOCKED
),
summed AS (
    SELECT *, SUM(bytes) OVER (ORDER BY not_before, seq) - bytes AS bytes_before FROM locked
)
SELECT
    not_before, seq, id, enqueued_at, job_id, payload, priority, run_at, expires_ms,
    idempotency_key, correlation_id, item_id, created_by, tags, trace_parent
FROM summed
WHERE bytes_before < $3
ORDER BY not_before, seq
