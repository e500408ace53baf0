-- First part of a settlement of attempts that another one follows: deletes the valid leases.
-- $1 to $4 and $6 to $14: as in `end_attempts.sql`. $5 time of the next attempt (NULL: at once),
-- $15 spent attempts to add. An attempt with a requested cancellation is left to the checked
-- settlement. Executions are scheduled, become ready, or become new waiters if they have limits.
WITH ended AS (
    DELETE FROM jobs.leases AS l
    USING (
        SELECT
            unnest($1::bigint[]) AS seq, unnest($2::bigint[]) AS session, unnest($3::bigint[]) AS claim,
            unnest($4::bigint[]) AS attempt, unnest($5::bigint[]) AS retry_at, unnest($6::text[]) AS outcome,
            unnest($7::bigint[]) AS started_at, unnest($8::bigint[]) AS finished_at,
            unnest($9::smallint[]) AS percent, unnest($10::text[]) AS error_kind,
            unnest($11::text[]) AS error_message, unnest($12::text[]) AS message,
            unnest($13::boolean[]) AS retained, unnest($14::bigint[]) AS paused_until,
            unnest($15::integer[]) AS spends
    ) AS s
    WHERE l.seq = ANY (ARRAY[s.seq]) AND l.session = s.session AND l.claim = s.claim
        AND l.attempt = s.attempt
        AND l.cancel_requested_at IS NULL
    RETURNING
        l.seq, l.attempt, s.outcome, l.session, l.executed_by, s.started_at, s.finished_at,
        s.retry_at, s.error_kind, s.error_message, GREATEST(l.progress, s.percent) AS progress,
        COALESCE(s.message, l.progress_message) AS message, l.spent + s.spends AS spent,
        l.limits, s.retained, s.paused_until, s.retry_at IS NULL AS at_once
),
scheduled_again AS (
    INSERT INTO jobs.scheduled (seq, run_at, attempt, spent)
    SELECT seq, retry_at, attempt + 1, spent FROM ended WHERE retry_at IS NOT NULL
),
ready_again AS (
    INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent)
    SELECT x.seq, 100 - x.priority, x.queue, x.job_id, e.attempt + 1, e.spent
    FROM ended AS e
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[e.seq])
    WHERE e.at_once AND e.limits IS NULL
),
-- The next attempt needs new permits.
new_waiters AS (
    INSERT INTO jobs.blocked (seq, limit_id, rank, attempt, spent, passed)
    SELECT x.seq, 0, 100 - x.priority, e.attempt + 1, e.spent, 0
    FROM ended AS e
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[e.seq])
    WHERE e.at_once AND e.limits IS NOT NULL
),
backlog AS (
    INSERT INTO jobs.backlog_entries (seq, job_id)
    SELECT x.seq, x.job_id
    FROM ended AS e
    CROSS JOIN LATERAL (
        SELECT b.seq FROM jobs.limited AS b WHERE b.seq = e.seq AND b.capped LIMIT 1
    ) AS m
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[m.seq])
    WHERE (SELECT EXISTS (SELECT 1 FROM jobs.limited))
),
recorded AS (
    INSERT INTO jobs.attempts (
        seq, attempt, outcome, session, executed_by, started_at, finished_at, retry_at, error_kind,
        error_message, progress, progress_message
    )
    SELECT
        seq, attempt, outcome, session, executed_by, started_at, finished_at, retry_at, error_kind,
        error_message, progress, message
    FROM ended
),
