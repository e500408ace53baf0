-- Reads what a promotion and the allocator have to do at the time $1. Nothing is locked.
-- A look at a limit after $2 was planned by a wrong clock and is due.
-- Returns one row:
-- the due time of the first scheduled execution
-- the due time of the first scheduled execution after $1
-- the time of the next check of a limit
-- whether there are new waiters
-- whether there are permit events, or retained permits of closed sessions
-- the time at which the first execution expires
-- the time at which the first execution expires after $1
SELECT
    (SELECT run_at FROM jobs.scheduled ORDER BY run_at LIMIT 1),
    (SELECT run_at FROM jobs.scheduled WHERE run_at > $1 ORDER BY run_at LIMIT 1),
    CASE
        WHEN EXISTS (SELECT 1 FROM jobs.limits WHERE check_at > $2) THEN $1
        ELSE (SELECT check_at FROM jobs.limits WHERE check_at IS NOT NULL ORDER BY check_at LIMIT 1)
    END,
    EXISTS (SELECT 1 FROM jobs.blocked WHERE limit_id = 0),
    EXISTS (SELECT 1 FROM jobs.permit_events)
    OR EXISTS (
        SELECT 1 FROM jobs.retained_permits AS s
        WHERE NOT EXISTS (SELECT 1 FROM jobs.beats AS b WHERE b.session = s.session)
    ),
    (SELECT expires_at FROM jobs.expirations ORDER BY expires_at LIMIT 1),
    (SELECT expires_at FROM jobs.expirations WHERE expires_at > $1 ORDER BY expires_at LIMIT 1)
