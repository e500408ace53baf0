-- Cancels the execution $1 at the time $2, if it is blocked.
-- Waits for an allocator that has locked it. Returns no row if it is not blocked; else whether
-- permits were released.
WITH removed AS (DELETE FROM jobs.blocked WHERE seq = $1 RETURNING seq, attempt, passed),
unused AS (
    INSERT INTO jobs.permit_events (kind, limits, counts)
    SELECT 'unused', m.limits[1:g.passed], array_fill(1::bigint, ARRAY[g.passed::integer])
    FROM removed AS g
    CROSS JOIN LATERAL (SELECT b.limits FROM jobs.limited AS b WHERE b.seq = g.seq LIMIT 1) AS m
    WHERE g.passed > 0 AND m.limits IS NOT NULL
),
expiration AS (DELETE FROM jobs.expirations AS e USING removed AS g
    WHERE e.seq = ANY (ARRAY[g.seq])),
backlog AS (DELETE FROM jobs.backlog_entries AS w USING removed AS g
    WHERE w.seq = ANY (ARRAY[g.seq])),
ended AS (
    INSERT INTO jobs.outcomes (seq, status, finished_at, attempt, error_kind, error_message)
    SELECT seq, 'cancelled', $2, attempt - 1, 'cancelled', 'cancelled while it waited' FROM removed
)
SELECT passed > 0 FROM removed
