-- Ends the executions whose leases hold, those with limits only if $16, and says which those were. A failure
-- of what was asked to be cancelled is none: it is left for the caller to look at.
WITH ended AS (
    DELETE FROM jobs.leases AS l
    USING (
        SELECT
            unnest($1::bigint[]) AS seq, unnest($2::bigint[]) AS session, unnest($3::bigint[]) AS claim,
            unnest($4::bigint[]) AS attempt, unnest($5::text[]) AS status, unnest($6::text[]) AS outcome,
            unnest($7::bigint[]) AS started_at, unnest($8::bigint[]) AS finished_at,
            unnest($9::smallint[]) AS percent, unnest($10::text[]) AS error_kind,
            unnest($11::text[]) AS error_message, unnest($12::text[]) AS message,
            unnest($13::boolean[]) AS kept, unnest($14::bigint[]) AS paused_until,
            unnest($15::text[]) AS result
    ) AS s
    WHERE l.seq = ANY (ARRAY[s.seq]) AND l.session = s.session AND l.claim = s.claim
        AND l.attempt = s.attempt
        AND (s.status <> 'failed' OR l.cancel_requested_at IS NULL)
        AND ($16 OR l.limits IS NULL)
    RETURNING
        l.seq, s.status, s.finished_at, l.attempt, s.outcome, l.session, l.executed_by,
        s.started_at, s.error_kind, s.error_message, GREATEST(l.progress, s.percent) AS progress,
        COALESCE(s.message, l.progress_message) AS message, s.result, l.limits, s.kept,
        s.paused_until, FALSE AS at_once
)
