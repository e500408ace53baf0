-- Claims ready executions in the order of claims: lowest rank first, then lowest seq.
-- $1 session, which the caller has locked; $2 claim number; $3 time; $4 jobs; $5 queues (NULL:
-- all); $6 most executions; $7 excluded queues; $8 most executions with limits. Paused queues are
-- excluded, and expired executions too. Rows that another transaction has locked are skipped. If
-- $8 < $6, executions with limits are scanned apart, by their own index. `job_id || ''` keeps the
-- planner from collecting all rows of a job and sorting them. Returns the leased executions
-- (`lease.sql`).
WITH free AS MATERIALIZED (
    SELECT ctid AS place, rank, seq
    FROM jobs.ready
    WHERE (limits IS NULL OR $8 >= $6) AND job_id || '' = ANY ($4)
        AND ($5::text[] IS NULL OR queue = ANY ($5))
        AND queue <> ALL ($7) AND queue <> ALL (ARRAY(SELECT p.queue FROM jobs.paused_queues AS p))
        AND COALESCE((SELECT e.expires_at > $3 FROM jobs.expirations AS e
            WHERE e.seq = ready.seq), TRUE)
    ORDER BY rank, seq
    LIMIT $6
    FOR UPDATE SKIP LOCKED
),
