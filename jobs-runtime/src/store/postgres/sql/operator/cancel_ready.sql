-- Cancels the execution $1 at the time $2, if it is ready.
-- Waits for a claim that has locked it. Returns no row if it is not ready; else whether permits
-- were released.
WITH removed AS (
    DELETE FROM jobs.ready
    WHERE ctid = ANY (ARRAY(
        SELECT p.place
        FROM jobs.executions AS x
        CROSS JOIN LATERAL (
            SELECT b.ctid AS place
            FROM jobs.ready AS b
            WHERE b.rank = 100 - x.priority AND b.seq = x.seq
            LIMIT 1
        ) AS p
        WHERE x.seq = $1
    ))
    RETURNING seq, attempt, limits
),
unused AS (
    INSERT INTO jobs.permit_events (kind, limits, counts)
    SELECT 'unused', limits, array_fill(1::bigint, ARRAY[cardinality(limits)])
    FROM removed
    WHERE limits IS NOT NULL
),
expiration AS (DELETE FROM jobs.expirations AS e USING removed AS g
    WHERE e.seq = ANY (ARRAY[g.seq])),
backlog AS (DELETE FROM jobs.backlog_entries AS w USING removed AS g
    WHERE w.seq = ANY (ARRAY[g.seq])),
ended AS (
    INSERT INTO jobs.outcomes (seq, status, finished_at, attempt, error_kind, error_message)
    SELECT seq, 'cancelled', $2, attempt - 1, 'cancelled', 'cancelled while it waited' FROM removed
)
SELECT limits IS NOT NULL FROM removed
