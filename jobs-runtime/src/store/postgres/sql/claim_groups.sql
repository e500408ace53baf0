-- Does what claim_head.sql does, for a claim before which many stand that it may not take: looks at
-- the head of each job in each queue by itself, so that what it does not want costs nothing.
WITH RECURSIVE present (queue, job_id) AS (
    (SELECT queue, job_id FROM jobs.ready ORDER BY queue, job_id LIMIT 1)
    UNION ALL
    SELECT n.queue, n.job_id
    FROM present AS p
    CROSS JOIN LATERAL (
        SELECT r.queue, r.job_id
        FROM jobs.ready AS r
        WHERE (r.queue, r.job_id) > (p.queue, p.job_id)
        ORDER BY r.queue, r.job_id
        LIMIT 1
    ) AS n
),
heads AS MATERIALIZED (
    SELECT h.place, h.rank, h.seq
    FROM present AS p
    CROSS JOIN LATERAL (
        SELECT r.ctid AS place, r.rank, r.seq
        FROM jobs.ready AS r
        WHERE r.queue = p.queue AND r.job_id = p.job_id
        ORDER BY r.rank, r.seq
        LIMIT $5
        FOR UPDATE SKIP LOCKED
    ) AS h
    WHERE p.job_id = ANY ($3) AND ($4::text[] IS NULL OR p.queue = ANY ($4))
),
taken AS (
    DELETE FROM jobs.ready
    WHERE ctid = ANY (ARRAY(SELECT place FROM heads ORDER BY rank, seq LIMIT $5))
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
