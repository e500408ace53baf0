-- Locks the sessions $1, in their order, until the end of the transaction: whether each is open, and
-- the last claim that gave it something; and whether a queue is paused.
SELECT id, closed_at IS NULL, last_claim, EXISTS (SELECT 1 FROM jobs.paused_queues)
FROM jobs.sessions
WHERE id = ANY ($1)
ORDER BY id
FOR NO KEY UPDATE
