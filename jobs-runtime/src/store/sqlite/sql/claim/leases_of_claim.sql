-- Reads the leases of a claim that still exist.
-- $1  the session
-- $2  the number of the claim
-- Returns rows with 'claimed' and a JSON array of one execution, the most urgent first. The flags
-- are 1 if a cancellation is requested, and 2 if an earlier attempt was lost.
SELECT 'claimed', json_array(json_array(
    l.seq, l.attempt, l.spent, lower(hex(x.id)), x.job_id, x.payload, x.timeout_ms, x.max_attempts,
    x.retry, x.correlation_id, l.claimed_at,
    (l.cancel_requested_at IS NOT NULL) + 2 * EXISTS (
        SELECT 1 FROM jobs_attempts AS a WHERE a.seq = l.seq AND a.outcome = 'lost'
    ),
    x.queue, l.limits, x.run_at, x.trace_parent, x.tags
))
FROM jobs_leases AS l
CROSS JOIN jobs_executions AS x ON x.seq = l.seq
WHERE l.session = $1 AND l.claim = $2
ORDER BY x.priority DESC, l.seq
