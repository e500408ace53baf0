-- Counts the rows of each kind.
SELECT
    (SELECT COUNT(*) FROM jobs.ready) + (SELECT COUNT(*) FROM jobs.blocked),
    (SELECT COUNT(*) FROM jobs.scheduled),
    (SELECT COUNT(*) FROM jobs.leases),
    (SELECT COUNT(*) FROM jobs.outcomes WHERE status = 'succeeded'),
    (SELECT COUNT(*) FROM jobs.outcomes WHERE status = 'failed'),
    (SELECT COUNT(*) FROM jobs.outcomes WHERE status = 'cancelled'),
    (SELECT COUNT(*) FROM jobs.attempts),
    (SELECT COUNT(*) FROM jobs.logs),
    (SELECT COUNT(*) FROM jobs.idempotency_keys),
    (SELECT COUNT(*) FROM jobs.catalogue),
    (SELECT COUNT(*) FROM jobs.schedules)
