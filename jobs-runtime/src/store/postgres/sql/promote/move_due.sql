-- Moves up to $2 executions that are due at $1 to their place in their queue, those with limits to the
-- door. What another process is just moving, or somebody cancelling, is passed over. Says how many it
-- has moved, and how many of them are ready.
WITH due AS (
    DELETE FROM jobs.scheduled
    WHERE ctid = ANY (ARRAY(
        SELECT ctid
        FROM jobs.scheduled
        WHERE run_at <= $1
        ORDER BY run_at, seq
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING seq, attempt, spent
),
placed AS MATERIALIZED (
    SELECT
        x.seq, 100 - x.priority AS rank, x.queue, x.job_id, d.attempt, d.spent,
        m.limits IS NOT NULL AS limited
    FROM due AS d
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[d.seq])
    LEFT JOIN jobs.limited AS m ON m.seq = ANY (ARRAY[d.seq])
),
knocking AS (
    INSERT INTO jobs.blocked (seq, limit_id, rank, attempt, spent, passed)
    SELECT seq, 0, rank, attempt, spent, 0 FROM placed WHERE limited
),
ready AS (
    INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent)
    SELECT seq, rank, queue, job_id, attempt, spent FROM placed WHERE NOT limited
)
SELECT COUNT(*), COUNT(*) FILTER (WHERE NOT limited) FROM placed
