-- Cancels those of the executions $1 that wait and have expired at the time $2, with the message
-- $3. An execution whose row another transaction has locked stays for a later call. Returns their
-- ids, and whether permits were released.
WITH expired AS MATERIALIZED (
    SELECT e.seq, x.id, (100 - x.priority)::smallint AS rank
    FROM jobs.expirations AS e
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[e.seq])
    WHERE e.seq = ANY ($1) AND e.expires_at <= $2
),
ready AS (
    DELETE FROM jobs.ready
    WHERE ctid = ANY (ARRAY(
        SELECT r.place
        FROM expired AS d
        CROSS JOIN LATERAL (
            SELECT b.ctid AS place
            FROM jobs.ready AS b
            WHERE b.rank = d.rank AND b.seq = d.seq
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        ) AS r
    ))
    RETURNING seq, attempt, limits
),
blocked AS (
    DELETE FROM jobs.blocked
    WHERE ctid = ANY (ARRAY(
        SELECT h.place
        FROM expired AS d
        CROSS JOIN LATERAL (
            SELECT b.ctid AS place
            FROM jobs.blocked AS b
            WHERE b.seq = d.seq
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        ) AS h
    ))
    RETURNING seq, attempt, passed
),
scheduled AS (
    DELETE FROM jobs.scheduled
    WHERE ctid = ANY (ARRAY(
        SELECT s.place
        FROM expired AS d
        CROSS JOIN LATERAL (
            SELECT b.ctid AS place
            FROM jobs.scheduled AS b
            WHERE b.seq = d.seq
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        ) AS s
    ))
    RETURNING seq, attempt
),
removed AS (
    SELECT seq, attempt, limits FROM ready
    UNION ALL
    SELECT h.seq, h.attempt, m.limits[1:h.passed]
    FROM blocked AS h
    LEFT JOIN jobs.limited AS m ON m.seq = ANY (ARRAY[h.seq])
    UNION ALL
    SELECT seq, attempt, NULL FROM scheduled
),
unused AS (
    INSERT INTO jobs.permit_events (kind, limits, counts)
    SELECT 'unused', g.limits, array_fill(COUNT(*), ARRAY[cardinality(g.limits)])
    FROM removed AS g
    WHERE cardinality(g.limits) > 0
    GROUP BY g.limits
),
backlog AS (
    DELETE FROM jobs.backlog_entries AS w USING removed AS g WHERE w.seq = ANY (ARRAY[g.seq])
),
expiration AS (
    DELETE FROM jobs.expirations AS e USING removed AS g WHERE e.seq = ANY (ARRAY[g.seq])
),
ended AS (
    INSERT INTO jobs.outcomes (seq, status, finished_at, attempt, error_kind, error_message)
    SELECT seq, 'cancelled', $2, attempt - 1, 'expired', $3 FROM removed
)
SELECT d.id, COALESCE(cardinality(g.limits), 0) > 0
FROM removed AS g
JOIN expired AS d ON d.seq = g.seq
