-- Reads the leases that the claim $2 of the session $1 still has.
-- Returns the columns of `lease.sql`. `flags`: 1 if a cancellation is requested, 2 if it has
-- limits, 8 if an earlier attempt was lost.
SELECT
    (100 - x.priority)::smallint AS rank, l.seq, l.attempt, l.spent, x.id, x.job_id, x.payload,
    x.timeout_ms, x.max_attempts, x.retry, x.correlation_id, l.claimed_at, x.queue,
    CASE WHEN l.cancel_requested_at IS NULL THEN 0 ELSE 1 END
        + CASE WHEN l.limits IS NULL THEN 0 ELSE 2 END
        + CASE
            WHEN EXISTS (
                SELECT 1 FROM jobs.attempts AS a WHERE a.seq = l.seq AND a.outcome = 'lost'
            ) THEN 8
            ELSE 0
        END AS flags,
    x.run_at, x.trace_parent, x.tags
FROM jobs.leases AS l
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[l.seq])
WHERE l.session = $1 AND l.claim = $2
