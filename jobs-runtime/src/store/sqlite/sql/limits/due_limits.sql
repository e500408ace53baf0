-- Finds the limits that the allocator has to look at, the longest overdue first.
-- $1  the present time
-- $2  the most limits
-- Returns their ids.
SELECT id FROM jobs_limits WHERE check_at <= $1 ORDER BY check_at LIMIT $2
