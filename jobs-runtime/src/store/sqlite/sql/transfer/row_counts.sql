-- Counts the rows of each kind.
-- Returns one row: queued, pending, running, succeeded, failed, cancelled, attempts, log lines,
-- idempotency keys, publications, schedules.
SELECT
    (SELECT COUNT(*) FROM jobs_ready) + (SELECT COUNT(*) FROM jobs_blocked),
    (SELECT COUNT(*) FROM jobs_scheduled),
    (SELECT COUNT(*) FROM jobs_leases),
    (SELECT COUNT(*) FROM jobs_outcomes WHERE status = 'succeeded'),
    (SELECT COUNT(*) FROM jobs_outcomes WHERE status = 'failed'),
    (SELECT COUNT(*) FROM jobs_outcomes WHERE status = 'cancelled'),
    (SELECT COUNT(*) FROM jobs_attempts),
    (SELECT COUNT(*) FROM jobs_logs),
    (SELECT COUNT(*) FROM jobs_idempotency_keys),
    (SELECT COUNT(*) FROM jobs_catalogue),
    (SELECT COUNT(*) FROM jobs_schedules)
