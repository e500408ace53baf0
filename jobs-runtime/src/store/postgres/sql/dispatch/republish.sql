-- Writes an entry for the ready executions of a page that have none.
-- $1 jobs, $2 rank and $3 seq before the page, $4 most executions that are examined. Returns the
-- number of entries, the number of examined executions, and rank and seq of the last of them.
-- Locked rows are being claimed. The lock keeps a claim from taking a row meanwhile.
WITH page AS MATERIALIZED (
    SELECT rank, seq, job_id, queue
    FROM jobs.ready
    WHERE (rank, seq) > ($2::smallint, $3::bigint)
    ORDER BY rank, seq
    LIMIT $4
),
targets AS MATERIALIZED (
    SELECT h.queue, h.job_id, h.rank, h.seq, h.attempt
    FROM page AS p
    CROSS JOIN LATERAL (
        SELECT r.queue, r.job_id, r.rank, r.seq, r.attempt
        FROM jobs.ready AS r
        WHERE r.rank = p.rank AND r.seq = p.seq
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS h
    WHERE p.job_id = ANY ($1::text[])
        AND p.queue <> ALL (ARRAY(SELECT o.queue FROM jobs.paused_queues AS o))
),
written AS (
    INSERT INTO jobs.unpublished (queue, job_id, rank, seq, attempt)
    SELECT queue, job_id, rank, seq, attempt FROM targets
    ON CONFLICT (queue, job_id, rank, seq) DO NOTHING
    RETURNING seq
)
SELECT (SELECT COUNT(*) FROM written), COUNT(*), last.rank, last.seq
FROM page
CROSS JOIN (SELECT rank, seq FROM page ORDER BY rank DESC, seq DESC LIMIT 1) AS last
GROUP BY last.rank, last.seq
