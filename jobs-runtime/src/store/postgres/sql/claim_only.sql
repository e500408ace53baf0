-- Does what claim_head.sql does, for the executions $7 alone: each is reached by its id.
WITH taken AS (
    DELETE FROM jobs.ready
    WHERE ctid = ANY (ARRAY(
        SELECT r.ctid
        FROM jobs.executions AS x
        JOIN jobs.ready AS r ON r.rank = ANY (ARRAY[100 - x.priority])
            AND r.seq = ANY (ARRAY[x.seq])
        WHERE x.id = ANY ($7)
            AND r.job_id = ANY ($3) AND ($4::text[] IS NULL OR r.queue = ANY ($4))
        ORDER BY r.rank, r.seq
        LIMIT $5
        FOR UPDATE OF r SKIP LOCKED
    ))
    RETURNING rank, seq, attempt, spent
),
leased AS (
    INSERT INTO jobs.leases (seq, session, claim, attempt, spent, claimed_at)
    SELECT seq, $1, $2, attempt, spent, $6 FROM taken
)
SELECT
    t.rank, t.seq, t.attempt, t.spent, x.id, x.job_id, x.payload, x.timeout_ms, x.max_attempts,
    x.retry, x.correlation_id, $6 AS claimed_at, FALSE AS cancel_requested
FROM taken AS t
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[t.seq])
