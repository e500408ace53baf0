-- Does what claim_head.sql does, for a claim that knows where those before it have ended: walks the order of claims
-- from behind the ranks $9 and the numbers $10, up to the ranks $11, each range in its arrived_at. Those with limits are
-- always taken apart, so that $8 has to be less than $6.
WITH free AS MATERIALIZED (
    SELECT a.place, a.rank, a.seq
    FROM unnest($9::smallint[], $10::bigint[], $11::smallint[]) AS w (rank, seq, until)
    CROSS JOIN LATERAL (
        SELECT r.ctid AS place, r.rank, r.seq
        FROM jobs.ready AS r
        WHERE (r.rank, r.seq) > (w.rank, w.seq) AND r.rank < w.until
            AND r.limits IS NULL AND r.job_id || '' = ANY ($4) AND ($5::text[] IS NULL OR r.queue = ANY ($5))
            AND r.queue <> ALL ($7) AND r.queue <> ALL (ARRAY(SELECT p.queue FROM jobs.paused_queues AS p))
        ORDER BY r.rank, r.seq
        LIMIT $6
        FOR UPDATE SKIP LOCKED
    ) AS a
    LIMIT $6
),
