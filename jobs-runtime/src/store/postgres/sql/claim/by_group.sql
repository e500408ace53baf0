-- Claims as `from_head.sql` does, but scans the head of each pair of queue and job by itself.
-- $1 to $8: as in `from_head.sql`. Executions that the claim may not take thus cost nothing. If
-- $8 < $6, executions with limits are scanned apart. A group whose head has limits is then skipped
-- here: nearly always the others of its job have limits, too. A group is read in the order of the
-- expressions of its index, which the primary key does not have.
WITH RECURSIVE present (queue, job_id, is_free) AS (
    (
        SELECT queue, job_id, limits IS NULL OR $8 >= $6
        FROM jobs.ready
        ORDER BY queue, job_id, rank::integer, (seq + 0)
        LIMIT 1
    )
    UNION ALL
    SELECT n.queue, n.job_id, n.limits IS NULL OR $8 >= $6
    FROM present AS p
    CROSS JOIN LATERAL (
        SELECT r.queue, r.job_id, r.limits
        FROM jobs.ready AS r
        WHERE (r.queue, r.job_id) > (p.queue, p.job_id)
        ORDER BY r.queue, r.job_id, r.rank::integer, (r.seq + 0)
        LIMIT 1
    ) AS n
),
free AS MATERIALIZED (
    SELECT h.place, h.rank, h.seq
    FROM present AS p
    CROSS JOIN LATERAL (
        SELECT r.ctid AS place, r.rank, r.seq
        FROM jobs.ready AS r
        WHERE r.queue = p.queue AND r.job_id = p.job_id
            AND (r.limits IS NULL OR $8 >= $6)
            AND COALESCE((SELECT e.expires_at > $3 FROM jobs.expirations AS e
                WHERE e.seq = r.seq), TRUE)
        ORDER BY r.rank::integer, (r.seq + 0)
        LIMIT $6
        FOR UPDATE SKIP LOCKED
    ) AS h
    WHERE p.is_free AND p.job_id = ANY ($4) AND ($5::text[] IS NULL OR p.queue = ANY ($5))
        AND p.queue <> ALL ($7)
        AND p.queue <> ALL (ARRAY(SELECT o.queue FROM jobs.paused_queues AS o))
),
permitted AS MATERIALIZED (
    SELECT ctid AS place, rank, seq
    FROM jobs.ready
    WHERE limits IS NOT NULL AND job_id || '' = ANY ($4)
        AND ($5::text[] IS NULL OR queue = ANY ($5))
        AND queue <> ALL ($7) AND queue <> ALL (ARRAY(SELECT o.queue FROM jobs.paused_queues AS o))
        AND COALESCE((SELECT e.expires_at > $3 FROM jobs.expirations AS e
            WHERE e.seq = ready.seq), TRUE)
    ORDER BY rank::integer, seq
    LIMIT CASE WHEN $8 < $6 THEN $8 ELSE 0 END
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
    RETURNING rank, seq, attempt, spent, limits, GREATEST($3, admitted_at) AS start
),
