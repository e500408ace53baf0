-- Records the attempts that others follow, provided that their leases hold and nobody asked to
-- cancel, puts each execution where it waits (until $5, at once if that is NULL), and says which
-- those were.
WITH ended AS (
    DELETE FROM jobs.leases AS l
    USING unnest(
        $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[],
        $7::bigint[], $8::bigint[], $9::smallint[], $10::text[], $11::text[], $12::text[],
        $13::boolean[], $14::bigint[], $15::integer[]
    ) AS s (
        seq, session, claim, attempt, retry_at, outcome, started_at, finished_at, percent,
        error_kind, error_message, message, kept, rest_until, spends
    )
    WHERE l.seq = ANY (ARRAY[s.seq]) AND l.session = s.session AND l.claim = s.claim
        AND l.attempt = s.attempt
        AND l.cancel_requested_at IS NULL
    RETURNING
        l.seq, l.attempt, s.outcome, l.session, l.executed_by, s.started_at, s.finished_at,
        s.retry_at, s.error_kind, s.error_message, GREATEST(l.progress, s.percent) AS progress,
        COALESCE(s.message, l.progress_message) AS message, l.spent + s.spends AS spent,
        l.limits, s.kept, s.rest_until, s.retry_at IS NULL AS at_once
),
later AS (
    INSERT INTO jobs.scheduled (seq, run_at, attempt, spent)
    SELECT seq, retry_at, attempt + 1, spent FROM ended WHERE retry_at IS NOT NULL
),
returned AS (
    INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent)
    SELECT x.seq, 100 - x.priority, x.queue, x.job_id, e.attempt + 1, e.spent
    FROM ended AS e
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[e.seq])
    WHERE e.at_once AND e.limits IS NULL
),
-- What has limits needs other permits.
knocking AS (
    INSERT INTO jobs.held (seq, limit_id, rank, attempt, spent, passed)
    SELECT x.seq, 0, 100 - x.priority, e.attempt + 1, e.spent, 0
    FROM ended AS e
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[e.seq])
    WHERE e.at_once AND e.limits IS NOT NULL
),
counted AS (
    INSERT INTO jobs.waiting (seq, job_id)
    SELECT x.seq, x.job_id
    FROM ended AS e
    CROSS JOIN LATERAL (
        SELECT b.seq FROM jobs.limited AS b WHERE b.seq = e.seq AND b.capped LIMIT 1
    ) AS m
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[m.seq])
    WHERE (SELECT EXISTS (SELECT 1 FROM jobs.limited))
),
followed AS (
    INSERT INTO jobs.attempts (
        seq, attempt, outcome, session, executed_by, started_at, finished_at, retry_at, error_kind,
        error_message, progress, progress_message
    )
    SELECT
        seq, attempt, outcome, session, executed_by, started_at, finished_at, retry_at, error_kind,
        error_message, progress, message
    FROM ended
),
