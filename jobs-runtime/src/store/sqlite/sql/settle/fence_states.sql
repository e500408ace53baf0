-- Reads the states of fences.
-- $1  JSON array: [seq, session, claim, attempt]
-- Returns rows in the order of the array: 'fence', whether the lease exists, whether cancellation
-- is requested, whether the same session has recorded the end of the attempt, the limits of the
-- lease.
SELECT
    'fence',
    l.seq IS NOT NULL,
    l.cancel_requested_at IS NOT NULL,
    EXISTS (
        SELECT 1 FROM jobs_outcomes AS o
        WHERE o.seq = f.value ->> 0 AND o.attempt = f.value ->> 3 AND o.session = f.value ->> 1
    ) OR EXISTS (
        SELECT 1 FROM jobs_attempts AS a
        WHERE a.seq = f.value ->> 0 AND a.attempt = f.value ->> 3 AND a.session = f.value ->> 1
    ),
    l.limits
FROM jsonb_each($1) AS f
LEFT JOIN jobs_leases AS l ON l.seq = f.value ->> 0 AND l.session = f.value ->> 1
    AND l.claim = f.value ->> 2 AND l.attempt = f.value ->> 3
ORDER BY f.key;
