-- Queues the execution $1 again with a fresh budget, if it has failed or was cancelled, and with the
-- payload $2 if that is not NULL. What became of its last run stays with the attempt. Who gets hold
-- of its outcome decides what becomes of it. Says whether it stands at the door of its limits.
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
-- A retry that was due when it was cancelled is so no more: it runs again because of the operator.
called_off AS (
    UPDATE jobs.attempts AS a
    SET retry_at = NULL
    FROM ended AS e
    WHERE a.seq = ANY (ARRAY[e.seq]) AND a.attempt = e.attempt AND e.outcome IS NULL
),
changed AS (
    UPDATE jobs.executions AS x
    SET payload = $2
    FROM ended AS e
    WHERE x.seq = ANY (ARRAY[e.seq]) AND $2::text IS NOT NULL
),
again AS MATERIALIZED (
    SELECT
        x.seq, 100 - x.priority AS rank, x.queue, x.job_id, e.attempt + 1 AS attempt,
        m.limits IS NOT NULL AS limited, COALESCE(m.capped, FALSE) AS capped
    FROM ended AS e
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[e.seq])
    LEFT JOIN jobs.limited AS m ON m.seq = ANY (ARRAY[e.seq])
),
ready AS (
    INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent)
    SELECT seq, rank, queue, job_id, attempt, 0 FROM again WHERE NOT limited
),
knocking AS (
    INSERT INTO jobs.blocked (seq, limit_id, rank, attempt, spent, passed)
    SELECT seq, 0, rank, attempt, 0, 0 FROM again WHERE limited
),
counted AS (INSERT INTO jobs.backlog_entries (seq, job_id) SELECT seq, job_id FROM again WHERE capped)
SELECT limited FROM again
