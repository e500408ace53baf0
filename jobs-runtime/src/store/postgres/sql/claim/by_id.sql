-- Claims as `from_head.sql` does, but only the executions with the ids $9.
-- $1 to $8: as in `from_head.sql`. Each execution is looked up by its id, and its row in `ready` by
-- its key. A plan made for an empty table is kept when the table fills, and must do so as well:
-- LATERAL and LIMIT fix the order of the tables, and `job_id || ''` can use no index.
WITH targets AS MATERIALIZED (
    SELECT h.place, h.rank, h.seq, h.limited
    FROM jobs.executions AS x
    CROSS JOIN LATERAL (
        SELECT r.ctid AS place, r.rank, r.seq, r.limits IS NOT NULL AS limited
        FROM jobs.ready AS r
        WHERE r.rank = 100 - x.priority AND r.seq = x.seq
            AND r.job_id || '' = ANY ($4) AND ($5::text[] IS NULL OR r.queue = ANY ($5))
            AND r.queue <> ALL ($7)
            AND r.queue <> ALL (ARRAY(SELECT p.queue FROM jobs.paused_queues AS p))
            AND COALESCE((SELECT e.expires_at > $3 FROM jobs.expirations AS e
                WHERE e.seq = r.seq), TRUE)
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS h
    WHERE x.id = ANY ($9)
),
taken AS (
    DELETE FROM jobs.ready
    WHERE ctid = ANY (ARRAY(
        SELECT h.place
        FROM (
            SELECT
                n.place, n.rank, n.seq, n.limited,
                ROW_NUMBER() OVER (PARTITION BY n.limited ORDER BY n.rank, n.seq) AS nth
            FROM targets AS n
        ) AS h
        WHERE NOT h.limited OR h.nth <= $8
        ORDER BY h.rank, h.seq
        LIMIT $6
    ))
    RETURNING rank, seq, attempt, spent, limits, GREATEST($3, admitted_at) AS start
),
