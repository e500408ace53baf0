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
        AND queue <> ALL ($7) AND queue <> ALL (ARRAY(SELECT p.queue FROM jobs.paused_queues AS p))
    ORDER BY rank, seq
    LIMIT $6
    FOR UPDATE SKIP LOCKED
),
