-- Leases up to $5 ready executions of the jobs $3, from the queues $4 (NULL: from all), to the claim
-- $2 of the session $1, which the caller has locked. The most urgent first, the oldest among equals;
-- what others are just taking is passed over. Walks the order of claims from its head.
WITH taken AS (
    DELETE FROM jobs.ready
    WHERE ctid = ANY (ARRAY(
        SELECT ctid
        FROM jobs.ready
        WHERE job_id = ANY ($3) AND ($4::text[] IS NULL OR queue = ANY ($4))
        ORDER BY rank, seq
        LIMIT $5
        FOR UPDATE SKIP LOCKED
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
