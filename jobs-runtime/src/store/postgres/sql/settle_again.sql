-- Records the attempts that others follow, provided that their leases hold and nobody asked to
-- cancel, puts each execution where it waits (until $5, at once if that is NULL), and says which
-- those were.
WITH ended AS (
    DELETE FROM jobs.leases AS l
    USING unnest(
        $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[],
        $7::bigint[], $8::bigint[], $9::smallint[], $10::text[], $11::text[], $12::text[],
        $13::integer[]
    ) AS s (
        seq, session, claim, attempt, retry_at, outcome, started_at, finished_at, percent,
        error_kind, error_message, message, spends
    )
    WHERE l.seq = ANY (ARRAY[s.seq]) AND l.session = s.session AND l.claim = s.claim
        AND l.attempt = s.attempt
        AND l.cancel_requested_at IS NULL
    RETURNING
        l.seq, l.attempt, s.outcome, l.session, l.executed_by, s.started_at, s.finished_at,
        s.retry_at, s.error_kind, s.error_message, GREATEST(l.progress, s.percent) AS progress,
        COALESCE(s.message, l.progress_message) AS message, l.spent + s.spends AS spent
),
waiting AS (
    INSERT INTO jobs.scheduled (seq, run_at, attempt, spent)
    SELECT seq, retry_at, attempt + 1, spent FROM ended WHERE retry_at IS NOT NULL
),
returned AS (
    INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent)
    SELECT x.seq, 100 - x.priority, x.queue, x.job_id, e.attempt + 1, e.spent
    FROM ended AS e
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[e.seq])
    WHERE e.retry_at IS NULL
)
INSERT INTO jobs.attempts (
    seq, attempt, outcome, session, executed_by, started_at, finished_at, retry_at, error_kind,
    error_message, progress, progress_message
)
SELECT
    seq, attempt, outcome, session, executed_by, started_at, finished_at, retry_at, error_kind,
    error_message, progress, message
FROM ended
RETURNING seq
