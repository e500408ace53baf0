-- Finds up to $3 limits after the id $1 without a permit in use and without a waiter.
-- $2 the present time in microseconds. Returns their ids.
SELECT l.id
FROM jobs.limits AS l
WHERE l.id > $1 AND l.in_use = 0 AND l.tat < $2 AND l.paused_until < $2 / 1000
    AND NOT EXISTS (SELECT 1 FROM jobs.blocked AS h WHERE h.limit_id = l.id)
ORDER BY l.id
LIMIT $3
