-- Retires the idle limits $1 at the time $2, and deletes those that were retired before $3. $4 the
-- time $2 in microseconds. Limits that another transaction has locked are skipped. Returns the
-- number of deleted limits.
WITH idle AS MATERIALIZED (
    SELECT l.id, l.retired_at
    FROM jobs.limits AS l
    WHERE l.id = ANY ($1) AND l.in_use = 0 AND l.tat < $4
        AND l.paused_until < $2
        AND NOT EXISTS (SELECT 1 FROM jobs.blocked AS h WHERE h.limit_id = l.id)
        AND NOT EXISTS (SELECT 1 FROM jobs.permit_events AS e WHERE l.id = ANY (e.limits))
    ORDER BY l.id
    FOR UPDATE OF l SKIP LOCKED
),
retired AS (
    UPDATE jobs.limits SET retired_at = $2
    WHERE id = ANY (ARRAY(SELECT id FROM idle WHERE retired_at IS NULL))
),
deleted AS (
    DELETE FROM jobs.limits
    WHERE id = ANY (ARRAY(SELECT id FROM idle WHERE retired_at < $3))
    RETURNING 1
)
SELECT COUNT(*) FROM deleted
