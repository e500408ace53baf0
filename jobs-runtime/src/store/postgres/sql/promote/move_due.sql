-- Moves up to $2 scheduled executions that are due at the time $1.
-- Those with limits become new waiters, the others ready. Rows that another transaction has locked
-- (a promotion, a cancellation) are skipped. Returns the number of moved and of ready executions.
WITH due AS (
    DELETE FROM jobs.scheduled
    WHERE ctid = ANY (ARRAY(
        SELECT ctid
        FROM jobs.scheduled
        WHERE run_at <= $1
        ORDER BY run_at, (seq + 0)
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING seq, attempt, spent
),
moved AS MATERIALIZED (
    SELECT
        x.seq, 100 - x.priority AS rank, x.queue, x.job_id, d.attempt, d.spent,
        m.limits IS NOT NULL AS limited
    FROM due AS d
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[d.seq])
    LEFT JOIN jobs.limited AS m ON m.seq = ANY (ARRAY[d.seq])
),
new_waiters AS (
    INSERT INTO jobs.blocked (seq, limit_id, rank, attempt, spent, passed)
    SELECT seq, 0, rank, attempt, spent, 0 FROM moved WHERE limited
),
ready AS (
    INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent)
    SELECT seq, rank, queue, job_id, attempt, spent FROM moved WHERE NOT limited
)
SELECT COUNT(*), COUNT(*) FILTER (WHERE NOT limited) FROM moved
