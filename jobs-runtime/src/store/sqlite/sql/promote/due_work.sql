-- Finds the work that a promotion would do.
-- Returns one row:
-- the earliest time of a scheduled execution
-- the earliest time at which the allocator has to look at a limit
-- whether there are new waiters
SELECT
    (SELECT MIN(run_at) FROM jobs_scheduled),
    (SELECT MIN(check_at) FROM jobs_limits WHERE check_at IS NOT NULL),
    EXISTS (SELECT 1 FROM jobs_blocked WHERE limit_id = 0)
