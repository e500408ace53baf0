-- Finds the work that a promotion would do.
-- $1  the present time
-- $2  the latest time of a look at a limit that a right clock can have written; a later one is due
-- Returns one row:
-- the earliest time of a scheduled execution
-- the earliest time at which the allocator has to look at a limit
-- whether there are new waiters
-- the earliest time at which an execution expires
SELECT
    (SELECT MIN(run_at) FROM jobs_scheduled),
    CASE
        WHEN EXISTS (SELECT 1 FROM jobs_limits WHERE check_at > $2) THEN $1
        ELSE (SELECT MIN(check_at) FROM jobs_limits WHERE check_at IS NOT NULL)
    END,
    EXISTS (SELECT 1 FROM jobs_blocked WHERE limit_id = 0),
    (SELECT MIN(expires_at) FROM jobs_expirations)
