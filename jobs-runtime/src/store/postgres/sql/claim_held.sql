-- What the claim $2 of the session $1 holds by now.
SELECT
    (100 - x.priority)::smallint AS rank, l.seq, l.attempt, l.spent, x.id, x.job_id, x.payload,
    x.timeout_ms, x.max_attempts, x.retry, x.correlation_id, l.claimed_at,
    l.cancel_requested_at IS NOT NULL AS cancel_requested, x.queue, l.limits IS NOT NULL AS limited,
    FALSE AS wanted
FROM jobs.leases AS l
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[l.seq])
WHERE l.session = $1 AND l.claim = $2
