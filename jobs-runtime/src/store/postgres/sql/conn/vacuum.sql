-- Vacuums the tables that executions pass through.
-- A table that is being vacuumed already is skipped. Files are not truncated: that would lock the
-- table, and it fills again at once.
VACUUM (SKIP_LOCKED, TRUNCATE FALSE)
    jobs.ready, jobs.leases, jobs.scheduled, jobs.blocked, jobs.permit_events,
    jobs.expirations, jobs.inbox
