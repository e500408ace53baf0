-- Finds limits without a permit in use and without a waiter.
-- $1  the id after which to start
-- $2  the present time in microseconds
-- $3  the most limits
-- Returns rows: id.
SELECT l.id
FROM jobs_limits AS l
WHERE l.id > $1 AND l.in_use = 0 AND l.tat < $2 AND l.paused_until < $2 / 1000
    AND NOT EXISTS (SELECT 1 FROM jobs_blocked AS h WHERE h.limit_id = l.id)
ORDER BY l.id
LIMIT $3
