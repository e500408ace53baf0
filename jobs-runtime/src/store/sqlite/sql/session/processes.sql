-- Lists the open sessions with what their workers execute, the oldest first.
SELECT
    s.id, s.worker, s.opened_at, s.renewed_at, s.job_ids, s.queues, s.labels,
    (SELECT COUNT(*) FROM jobs_leases AS l WHERE l.session = s.id) AS running, s.slot_caps,
    s.external
FROM jobs_sessions AS s
WHERE s.closed_at IS NULL
ORDER BY s.id
