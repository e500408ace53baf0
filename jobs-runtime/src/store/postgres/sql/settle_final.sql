-- Ends the executions whose leases hold, and says which those were. A failure of what was asked to
-- be cancelled is none: it is left for the caller to look at.
WITH ended AS (
    DELETE FROM jobs.leases AS l
    USING unnest(
        $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[],
        $7::bigint[], $8::bigint[], $9::smallint[], $10::text[], $11::text[], $12::text[],
        $13::boolean[], $14::bigint[], $15::text[]
    ) AS s (
        seq, session, claim, attempt, status, outcome, started_at, finished_at, percent,
        error_kind, error_message, message, kept, rest_until, result
    )
    WHERE l.seq = ANY (ARRAY[s.seq]) AND l.session = s.session AND l.claim = s.claim
        AND l.attempt = s.attempt
        AND (s.status <> 'failed' OR l.cancel_requested_at IS NULL)
    RETURNING
        l.seq, s.status, s.finished_at, l.attempt, s.outcome, l.session, l.executed_by,
        s.started_at, s.error_kind, s.error_message, GREATEST(l.progress, s.percent) AS progress,
        COALESCE(s.message, l.progress_message) AS message, s.result, l.limits, s.kept,
        s.rest_until, FALSE AS at_once
),
final AS (
    INSERT INTO jobs.outcomes (
        seq, status, finished_at, attempt, outcome, session, executed_by, started_at, error_kind,
        error_message, progress, progress_message, result
    )
    SELECT
        seq, status, finished_at, attempt, outcome, session, executed_by, started_at, error_kind,
        error_message, progress, message, result
    FROM ended
),
