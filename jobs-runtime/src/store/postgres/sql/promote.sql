-- Moves up to $2 executions that are due at $1 to their place in their queue. What another process
-- is just moving, or somebody cancelling, is passed over.
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
)
INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent)
SELECT x.seq, 100 - x.priority, x.queue, x.job_id, d.attempt, d.spent
FROM due AS d
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[d.seq])
