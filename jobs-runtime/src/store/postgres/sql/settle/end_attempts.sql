-- First part of a settlement of final executions: deletes the leases that are valid.
-- $1 seq, $2 session, $3 claim, $4 attempt, $5 status, $6 outcome, $7 start, $8 end, $9 progress,
-- $10 kind and $11 message of the error, $12 message of the progress, $13 whether permits are
-- retained, $14 end of a pause, $15 result; $16 false leaves out executions with limits. A failure
-- with a requested cancellation is left to the checked settlement.
WITH ended AS (
    DELETE FROM jobs.leases AS l
    USING (
        SELECT
            unnest($1::bigint[]) AS seq, unnest($2::bigint[]) AS session, unnest($3::bigint[]) AS claim,
            unnest($4::bigint[]) AS attempt, unnest($5::text[]) AS status, unnest($6::text[]) AS outcome,
            unnest($7::bigint[]) AS started_at, unnest($8::bigint[]) AS finished_at,
            unnest($9::smallint[]) AS percent, unnest($10::text[]) AS error_kind,
            unnest($11::text[]) AS error_message, unnest($12::text[]) AS message,
            unnest($13::boolean[]) AS retained, unnest($14::bigint[]) AS paused_until,
            unnest($15::text[]) AS result
    ) AS s
    WHERE l.seq = ANY (ARRAY[s.seq]) AND l.session = s.session AND l.claim = s.claim
        AND l.attempt = s.attempt
        AND (s.status <> 'failed' OR l.cancel_requested_at IS NULL)
        AND ($16 OR l.limits IS NULL)
    RETURNING
        l.seq, s.status, s.finished_at, l.attempt, s.outcome, l.session, l.executed_by,
        s.started_at, s.error_kind, s.error_message, GREATEST(l.progress, s.percent) AS progress,
        COALESCE(s.message, l.progress_message) AS message, s.result, l.limits, s.retained,
        s.paused_until, FALSE AS at_once
)
