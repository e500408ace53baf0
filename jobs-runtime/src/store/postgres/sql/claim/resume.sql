-- Claims as `from_head.sql` does, but scans behind a resume point instead of from the head.
-- $1 to $8: as in `from_head.sql`, with $8 < $6, so that executions with limits are always scanned
-- apart. $9 to $11: ranges in the order of claims: behind a rank ($9) and seq ($10), before a rank
-- ($11).
WITH free AS MATERIALIZED (
    SELECT a.place, a.rank, a.seq
    FROM unnest($9::smallint[], $10::bigint[], $11::smallint[]) AS w (rank, seq, until)
    CROSS JOIN LATERAL (
        SELECT r.ctid AS place, r.rank, r.seq
        FROM jobs.ready AS r
        WHERE (r.rank, r.seq) > (w.rank, w.seq) AND r.rank < w.until
            AND r.limits IS NULL AND r.job_id || '' = ANY ($4)
            AND ($5::text[] IS NULL OR r.queue = ANY ($5))
            AND r.queue <> ALL ($7)
            AND r.queue <> ALL (ARRAY(SELECT p.queue FROM jobs.paused_queues AS p))
            AND COALESCE((SELECT e.expires_at > $3 FROM jobs.expirations AS e
                WHERE e.seq = r.seq), TRUE)
        ORDER BY r.rank, r.seq
        LIMIT $6
        FOR UPDATE SKIP LOCKED
    ) AS a
    LIMIT $6
),
