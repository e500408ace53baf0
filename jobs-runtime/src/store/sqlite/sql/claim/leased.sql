-- What the claim $2 of the session $1 holds by now.
SELECT 'claimed', json_array(json_array(
    l.seq, l.attempt, l.spent, lower(hex(x.id)), x.job_id, x.payload, x.timeout_ms, x.max_attempts,
    x.retry, x.correlation_id, l.claimed_at, l.cancel_requested_at IS NOT NULL, x.queue,
    l.limits
))
FROM jobs_leases AS l
CROSS JOIN jobs_executions AS x ON x.seq = l.seq
WHERE l.session = $1 AND l.claim = $2
ORDER BY x.priority DESC, l.seq
