-- Pauses the queue $1 at the time $2, by $3, for the reason $4. A queue that is paused already
-- keeps its pause.
INSERT INTO jobs.paused_queues (queue, paused_at, paused_by, reason) VALUES ($1, $2, $3, $4)
ON CONFLICT (queue) DO NOTHING
