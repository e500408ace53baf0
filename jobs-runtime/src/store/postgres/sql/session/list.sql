-- Lists the open sessions, and those whose take-over has not ended. Oldest first.
-- Returns id, last beat, worker, time of opening, time of the last renewal, lease, and whether the
-- session is open or holds leases.
SELECT s.id, b.beat, s.worker, s.opened_at, b.renewed_at, s.lease_ms, TRUE
FROM jobs.beats AS b
JOIN jobs.sessions AS s ON s.id = ANY (ARRAY[b.session])
UNION ALL
SELECT
    s.id, s.last_beat, s.worker, s.opened_at, s.renewed_at, s.lease_ms,
    EXISTS (SELECT 1 FROM jobs.leases AS l WHERE l.session = s.id)
FROM jobs.sessions AS s
WHERE s.last_beat IS NOT NULL
ORDER BY 1
