-- Queues the failed or cancelled execution $1 again, with all attempts of its budget.
-- $2 new payload, or NULL. The delete from `outcomes` decides. The last attempt is kept in
-- `attempts`. Returns no row if the execution is in another state; else whether it has limits and
-- is a new waiter.
WITH ended AS (
    DELETE FROM jobs.outcomes WHERE seq = $1 AND status IN ('failed', 'cancelled') RETURNING *
),
recorded AS (
    INSERT INTO jobs.attempts (
        seq, attempt, outcome, session, executed_by, started_at, finished_at, error_kind,
        error_message, progress, progress_message, result
    )
    SELECT
        seq, attempt, outcome, session, executed_by, started_at, finished_at, error_kind,
        error_message, progress, progress_message, result
    FROM ended
    WHERE outcome IS NOT NULL
),
-- A cancelled execution may have a retry pending; it runs again for the operator instead.
retry_dropped AS (
    UPDATE jobs.attempts AS a
    SET retry_at = NULL
    FROM ended AS e
    WHERE a.seq = ANY (ARRAY[e.seq]) AND a.attempt = e.attempt AND e.outcome IS NULL
),
updated AS (
    UPDATE jobs.executions AS x
    SET payload = $2
    FROM ended AS e
    WHERE x.seq = ANY (ARRAY[e.seq]) AND $2::text IS NOT NULL
),
requeued AS MATERIALIZED (
    SELECT
        x.seq, 100 - x.priority AS rank, x.queue, x.job_id, e.attempt + 1 AS attempt,
        m.limits IS NOT NULL AS limited, COALESCE(m.capped, FALSE) AS capped
    FROM ended AS e
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[e.seq])
    LEFT JOIN jobs.limited AS m ON m.seq = ANY (ARRAY[e.seq])
),
ready AS (
    INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent)
    SELECT seq, rank, queue, job_id, attempt, 0 FROM requeued WHERE NOT limited
),
new_waiters AS (
    INSERT INTO jobs.blocked (seq, limit_id, rank, attempt, spent, passed)
    SELECT seq, 0, rank, attempt, 0, 0 FROM requeued WHERE limited
),
backlog AS (INSERT INTO jobs.backlog_entries (seq, job_id) SELECT seq, job_id FROM requeued WHERE capped)
SELECT limited FROM requeued
