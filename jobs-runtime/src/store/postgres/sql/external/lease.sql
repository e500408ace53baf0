-- Reads the attempt of a lease of an external worker: session $1, claim $2, seq $3, attempt $4.
-- Returns the columns of `claim/leases_of_claim.sql`, or no row.
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
JOIN jobs.sessions AS s ON s.id = ANY (ARRAY[l.session]) AND s.external IS NOT NULL
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[l.seq])
WHERE l.seq = $3 AND l.session = $1 AND l.claim = $2 AND l.attempt = $4
