-- Ends executions with their attempts, and deletes the leases. A lease must match its fence and
-- have the limits that the settlement names, because their permits are released already. A failure
-- does not match if cancellation is requested: the execution then ends as cancelled. The leases are
-- deleted by seq alone: if not every attempt matches, the caller rolls back.
-- $4  JSON array of runs: [common fields, [own fields of each attempt, ..]]; optional fields are in
--     the rows of a run only if its common fields say so; limits are common to the run, or in each
--     row
-- $5  JSON array: seq of each lease
-- Returns one row: 'ended', the number of executions.
WITH run (session, attempt, status, outcome, progress, error_kind, is_rare, limits, is_limited, attempts) AS MATERIALIZED (
    SELECT
        value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', value ->> '$[0][3]', value ->> '$[0][4]',
        value ->> '$[0][5]', value ->> '$[0][6]', value ->> '$[0][7]', value ->> '$[0][8]', jsonb_extract(value, '$[1]')
    FROM jsonb_each($4)
)
INSERT INTO jobs_outcomes (
    seq, status, finished_at, attempt, outcome, session, executed_by, started_at, error_kind,
    error_message, progress, progress_message, result
)
SELECT
    l.seq, r.status, s.value ->> 3, l.attempt, r.outcome, l.session, l.executed_by, s.value ->> 2,
    r.error_kind, iif(r.is_rare, s.value ->> 6, NULL), MAX(l.progress, r.progress),
    IFNULL(iif(r.is_rare, s.value ->> 7, NULL), l.progress_message), s.value ->> 4
FROM run AS r
CROSS JOIN jsonb_each(r.attempts) AS s
CROSS JOIN jobs_leases AS l ON l.seq = s.value ->> 0
WHERE l.session = r.session AND l.claim = s.value ->> 1 AND l.attempt = r.attempt
    -- Left to the careful mode, which reads the request.
    AND (r.status <> 'failed' OR l.cancel_requested_at IS NULL)
    AND l.limits IS iif(r.is_limited, s.value ->> 5, r.limits);

SELECT 'ended', changes();

DELETE FROM jobs_leases WHERE seq IN (SELECT value FROM json_each($5));
