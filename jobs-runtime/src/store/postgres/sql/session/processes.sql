-- Lists the open sessions, oldest first, with their jobs, queues and number of running attempts.
SELECT
    s.id, s.worker, s.opened_at, b.renewed_at, s.job_ids, s.queues, s.labels, s.slot_caps,
    COALESCE(l.running, 0) AS running, s.external
FROM jobs.beats AS b
JOIN jobs.sessions AS s ON s.id = ANY (ARRAY[b.session])
LEFT JOIN (
    SELECT session, COUNT(*) AS running FROM jobs.leases GROUP BY session
) AS l ON l.session = s.id
ORDER BY s.id
