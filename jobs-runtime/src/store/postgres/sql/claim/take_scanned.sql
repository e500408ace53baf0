-- Middle part of a claim by scan: adds executions with limits, deletes the first $6 from `ready`.
-- If $8 < $6, executions with limits are scanned apart, in the order of claims.
permitted AS MATERIALIZED (
    SELECT ctid AS place, rank, seq
    FROM jobs.ready
    WHERE limits IS NOT NULL AND job_id || '' = ANY ($4)
        AND ($5::text[] IS NULL OR queue = ANY ($5))
        AND queue <> ALL ($7) AND queue <> ALL (ARRAY(SELECT p.queue FROM jobs.paused_queues AS p))
        AND COALESCE((SELECT e.expires_at > $3 FROM jobs.expirations AS e
            WHERE e.seq = ready.seq), TRUE)
    ORDER BY rank::integer, seq
    LIMIT CASE WHEN $8 < $6 THEN $8 ELSE 0 END
    FOR UPDATE SKIP LOCKED
),
taken AS (
    DELETE FROM jobs.ready
    WHERE ctid = ANY (CASE WHEN EXISTS (SELECT 1 FROM permitted) THEN ARRAY(
        SELECT h.place
        FROM (SELECT * FROM free UNION ALL SELECT * FROM permitted) AS h
        ORDER BY h.rank, h.seq
        LIMIT $6
    ) ELSE ARRAY(SELECT f.place FROM free AS f) END)
    RETURNING rank, seq, attempt, spent, limits, GREATEST($3, admitted_at) AS start
),
