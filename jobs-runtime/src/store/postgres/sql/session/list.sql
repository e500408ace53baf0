-- Lists the open sessions, and those closed by a take-over that still have leases. Oldest first.
-- Returns id, last beat, worker, time of opening and time of the last renewal.
SELECT s.id, b.beat, s.worker, s.opened_at, b.renewed_at
FROM jobs.beats AS b
JOIN jobs.sessions AS s ON s.id = ANY (ARRAY[b.session])
UNION ALL
SELECT s.id, s.last_beat, s.worker, s.opened_at, s.renewed_at
FROM (SELECT DISTINCT session FROM jobs.leases) AS l
JOIN jobs.sessions AS s ON s.id = ANY (ARRAY[l.session])
WHERE s.closed_at IS NOT NULL AND s.last_beat IS NOT NULL
ORDER BY 1
