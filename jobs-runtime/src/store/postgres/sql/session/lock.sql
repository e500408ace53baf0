-- Locks the sessions $1 in the order of their ids.
-- Returns id, whether it is open, the number of its last claim that leased something, and whether
-- any queue is paused.
SELECT id, closed_at IS NULL, last_claim, EXISTS (SELECT 1 FROM jobs.paused_queues)
FROM jobs.sessions
WHERE id = ANY ($1)
ORDER BY id
FOR NO KEY UPDATE
