-- Leases up to $6 ready executions of the jobs $4, from the queues $5 (NULL: from all) but not from those
-- in $7 and none that is paused, to the claim $2 of the session $1, which the caller has locked; of those
-- with limits no more than $8. The most urgent first, the oldest among equals; what others are just
-- taking is passed over. Walks the order of claims from its head, that of executions with limits apart if not
-- all may be taken of those. The job is hidden in an expression, so that no plan can gather all rows of it and
-- sort them.
WITH free AS MATERIALIZED (
    SELECT ctid AS place, rank, seq
    FROM jobs.ready
    WHERE (limits IS NULL OR $8 >= $6) AND job_id || '' = ANY ($4) AND ($5::text[] IS NULL OR queue = ANY ($5))
        AND queue <> ALL ($7) AND queue <> ALL (ARRAY(SELECT p.queue FROM jobs.paused AS p))
    ORDER BY rank, seq
    LIMIT $6
    FOR UPDATE SKIP LOCKED
),
permitted AS MATERIALIZED (
    SELECT ctid AS place, rank, seq
    FROM jobs.ready
    WHERE limits IS NOT NULL AND job_id || '' = ANY ($4) AND ($5::text[] IS NULL OR queue = ANY ($5))
        AND queue <> ALL ($7) AND queue <> ALL (ARRAY(SELECT p.queue FROM jobs.paused AS p))
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
    RETURNING rank, seq, attempt, spent, limits, GREATEST($3, let_in_at) AS start
),
