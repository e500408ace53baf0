-- Ends the executions of the array $4 whose lease still holds, and says how many those were. The
-- caller rolls back unless it was all of them, so that the leases in $5 may go by number alone.
INSERT INTO jobs_outcomes (
    seq, status, finished_at, attempt, outcome, session, executed_by, started_at, error_kind,
    error_message, progress, progress_message, result
)
SELECT
    l.seq, s.value ->> 4, s.value ->> 7, l.attempt, s.value ->> 5, l.session, l.executed_by,
    s.value ->> 6, s.value ->> 9, s.value ->> 10, MAX(l.progress, s.value ->> 8),
    IFNULL(s.value ->> 11, l.progress_message), s.value ->> 12
FROM jsonb_each($4) AS s
CROSS JOIN jobs_leases AS l ON l.seq = s.value ->> 0
WHERE l.session = s.value ->> 1 AND l.claim = s.value ->> 2 AND l.attempt = s.value ->> 3
    -- A failure of what was asked to be cancelled is none: the caller has to look.
    AND (s.value ->> 4 <> 'failed' OR l.cancel_requested_at IS NULL);

SELECT 'ended', changes();

DELETE FROM jobs_leases WHERE seq IN (SELECT value FROM json_each($5));
