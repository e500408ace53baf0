-- Second part of every claim: leases the rows of `taken` and counts the starts of rates.
-- An attempt starts at $3 or, if that is later, at the time of its admission: a start before its
-- permit would be counted too early. The execution no longer counts for `max_waiting`, and does
-- not expire any more. Returns one row per execution. `flags`: 2 if it has limits, and 4 if blocked
-- ones may be admitted.
leased AS (
    INSERT INTO jobs.leases (seq, session, claim, attempt, spent, claimed_at, limits)
    SELECT seq, $1, $2, attempt, spent, start, limits FROM taken
),
started AS (
    INSERT INTO jobs.permit_events (kind, at, limits, counts)
    SELECT 'started', MAX(g.start), array_agg(g.id), array_agg(g.count)
    FROM (
        SELECT l.id, SUM(t.count)::bigint AS count, MAX(t.start) AS start
        FROM (
            SELECT limits, COUNT(*) AS count, MAX(start) AS start
            FROM taken
            WHERE limits IS NOT NULL
            GROUP BY limits
        ) AS t
        CROSS JOIN LATERAL unnest(t.limits) AS i (id)
        CROSS JOIN LATERAL (
            SELECT k.id FROM jobs.limits AS k WHERE k.id = i.id AND k.kind = 'rate' LIMIT 1
        ) AS l
        GROUP BY l.id
    ) AS g
    HAVING COUNT(*) > 0
    RETURNING id
),
-- Mostly there is nothing to delete. The look for rows is bounded, so that it passes no dead rows
-- of earlier claims.
span AS (SELECT MIN(seq) AS first, MAX(seq) AS last FROM taken),
expiration AS (
    DELETE FROM jobs.expirations AS e
    USING taken AS t
    WHERE e.seq = ANY (ARRAY[t.seq]) AND (
        SELECT EXISTS (SELECT 1 FROM jobs.expirations WHERE seq BETWEEN n.first AND n.last)
        FROM span AS n
    )
),
backlog AS (
    DELETE FROM jobs.backlog_entries AS w
    USING taken AS t
    WHERE w.seq = ANY (ARRAY[t.seq]) AND (
        SELECT EXISTS (SELECT 1 FROM jobs.backlog_entries WHERE seq BETWEEN n.first AND n.last)
        FROM span AS n
    )
)
SELECT
    t.rank, t.seq, t.attempt, t.spent, x.id, x.job_id, x.payload, x.timeout_ms, x.max_attempts,
    x.retry, x.correlation_id, t.start AS claimed_at, x.queue,
    CASE
        WHEN t.limits IS NULL THEN 0
        WHEN EXISTS (SELECT 1 FROM started)
            AND (SELECT a.has_waiters FROM jobs.allocator_lock AS a) THEN 6
        ELSE 2
    END AS flags,
    x.run_at, x.trace_parent, x.tags
FROM taken AS t
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[t.seq])
