-- Finds the limits that the allocator has to look at.
-- $1  the present time
-- $2  the most limits of each kind
-- $3  the latest time of a look that a right clock can have written; a later one is due
-- Returns their ids.
SELECT id FROM (SELECT id FROM jobs_limits WHERE check_at <= $1 ORDER BY check_at LIMIT $2)
UNION ALL
SELECT id FROM (SELECT id FROM jobs_limits WHERE check_at > $3 ORDER BY check_at DESC LIMIT $2)
