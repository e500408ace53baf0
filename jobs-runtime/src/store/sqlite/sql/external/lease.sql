-- Reads the attempt of a lease of an external worker.
-- $1  the session
-- $2  the number of the claim
-- $3  the seq
-- $4  the attempt
-- Returns the row of `claim/leases_of_claim.sql`, or none.
SELECT 'claimed', json_array(json_array(
    l.seq, l.attempt, l.spent, lower(hex(x.id)), x.job_id, x.payload, x.timeout_ms, x.max_attempts,
    x.retry, x.correlation_id, l.claimed_at,
    (l.cancel_requested_at IS NOT NULL) + 2 * EXISTS (
        SELECT 1 FROM jobs_attempts AS a WHERE a.seq = l.seq AND a.outcome = 'lost'
    ),
    x.queue, l.limits, x.run_at, x.trace_parent, x.tags
))
FROM jobs_leases AS l
CROSS JOIN jobs_sessions AS s ON s.id = l.session AND s.external IS NOT NULL
CROSS JOIN jobs_executions AS x ON x.seq = l.seq
WHERE l.seq = $3 AND l.session = $1 AND l.claim = $2 AND l.attempt = $4
