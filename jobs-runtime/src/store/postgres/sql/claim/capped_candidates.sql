-- Reads the candidates of a claim with slot caps, in the order of claims. Nothing is locked.
-- $1 jobs, $2 queues (NULL: all), $3 most executions of each pair of queue and job, $4 excluded
-- queues, $5 most executions with limits, $6 ids (empty: all), $7 time, $8 excluded executions.
-- Paused queues and expired executions are excluded. Returns rank, seq, queue, job and whether the
-- execution has limits. Groups are read as in `by_group.sql`.
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
heads AS (
    SELECT h.rank, h.seq, p.queue, p.job_id, FALSE AS limited
    FROM present AS p
    CROSS JOIN LATERAL (
        SELECT r.rank, r.seq
        FROM jobs.ready AS r
        WHERE r.queue = p.queue AND r.job_id = p.job_id
            AND r.limits IS NULL AND r.seq <> ALL ($8::bigint[])
            AND COALESCE((SELECT e.expires_at > $7 FROM jobs.expirations AS e
                WHERE e.seq = r.seq), TRUE)
        ORDER BY r.rank::integer, (r.seq + 0)
        LIMIT $3
    ) AS h
    WHERE cardinality($6::uuid[]) = 0
        AND p.job_id = ANY ($1) AND ($2::text[] IS NULL OR p.queue = ANY ($2))
        AND p.queue <> ALL ($4)
    UNION ALL
    (
        SELECT rank, seq, queue, job_id, TRUE
        FROM jobs.ready
        WHERE limits IS NOT NULL AND cardinality($6) = 0 AND seq <> ALL ($8)
            AND job_id = ANY ($1) AND ($2 IS NULL OR queue = ANY ($2)) AND queue <> ALL ($4)
            AND COALESCE((SELECT e.expires_at > $7 FROM jobs.expirations AS e
                WHERE e.seq = ready.seq), TRUE)
        ORDER BY rank::integer, seq
        LIMIT $5
    )
    UNION ALL
    SELECT r.rank, r.seq, r.queue, r.job_id, r.limits IS NOT NULL
    FROM jobs.executions AS x
    CROSS JOIN LATERAL (
        SELECT b.*
        FROM jobs.ready AS b
        WHERE b.rank = 100 - x.priority AND b.seq = x.seq
        LIMIT 1
    ) AS r
    WHERE x.id = ANY ($6) AND r.seq <> ALL ($8)
        AND r.job_id = ANY ($1) AND ($2 IS NULL OR r.queue = ANY ($2)) AND r.queue <> ALL ($4)
        AND COALESCE((SELECT e.expires_at > $7 FROM jobs.expirations AS e
            WHERE e.seq = r.seq), TRUE)
)
SELECT rank, seq, queue, job_id, limited
FROM heads
WHERE queue <> ALL (ARRAY(SELECT p.queue FROM jobs.paused_queues AS p))
ORDER BY rank, seq
