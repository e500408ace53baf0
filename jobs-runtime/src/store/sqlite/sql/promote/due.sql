-- When the next scheduled execution is due, when a limit is to be looked at, and whether something is to
-- be let in or counted at once.
SELECT
    (SELECT MIN(run_at) FROM jobs_scheduled),
    (SELECT MIN(check_at) FROM jobs_limits WHERE check_at IS NOT NULL),
    EXISTS (SELECT 1 FROM jobs_blocked WHERE limit_id = 0),
    EXISTS (SELECT 1 FROM jobs_permit_events) OR EXISTS (SELECT 1 FROM jobs_released_permits)
