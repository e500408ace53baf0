-- Every open session, oldest first.
SELECT s.id, b.beat, s.worker, s.opened_at, b.renewed_at
FROM jobs.beats AS b
JOIN jobs.sessions AS s ON s.id = ANY (ARRAY[b.session])
ORDER BY s.id
