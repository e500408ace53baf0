-- Clears away the rows that were deleted from the tables that executions pass through. What somebody else
-- is vacuuming is left out. Nothing is cut off the files: that would lock them, and they fill again at once.
VACUUM (SKIP_LOCKED, TRUNCATE FALSE)
    jobs.ready, jobs.leases, jobs.scheduled, jobs.blocked, jobs.permit_events, jobs.released_permits
