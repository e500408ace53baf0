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
free AS MATERIALIZED (
    SELECT h.place, h.rank, h.seq
    FROM present AS p
    CROSS JOIN LATERAL (
        SELECT r.ctid AS place, r.rank, r.seq
        FROM jobs.ready AS r
        WHERE r.queue = p.queue AND r.job_id = p.job_id AND r.limits IS NULL
        ORDER BY r.rank, r.seq
        LIMIT $6
        FOR UPDATE SKIP LOCKED
    ) AS h
    WHERE p.job_id = ANY ($4) AND ($5::text[] IS NULL OR p.queue = ANY ($5))
        AND p.queue <> ALL ($7) AND p.queue <> ALL (ARRAY(SELECT o.queue FROM jobs.paused AS o))
),
permitted AS MATERIALIZED (
    SELECT ctid AS place, rank, seq
    FROM jobs.ready
    WHERE limits IS NOT NULL AND job_id = ANY ($4) AND ($5::text[] IS NULL OR queue = ANY ($5))
        AND queue <> ALL ($7) AND queue <> ALL (ARRAY(SELECT o.queue FROM jobs.paused AS o))
    ORDER BY rank::integer, seq
    LIMIT $8
    FOR UPDATE SKIP LOCKED
),
taken AS (
    DELETE FROM jobs.ready
    WHERE ctid = ANY (ARRAY(
        SELECT h.place
        FROM (SELECT * FROM free UNION ALL SELECT * FROM permitted) AS h
        ORDER BY h.rank, h.seq
        LIMIT $6
    ))
    RETURNING rank, seq, attempt, spent, limits
),
