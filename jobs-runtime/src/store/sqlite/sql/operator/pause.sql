-- Pauses a queue: claims skip it. A queue that is paused keeps its time.
-- $1  the queue
-- $2  the present time
-- $3  the person or program that pauses it, or NULL
-- $4  the reason, or NULL
INSERT INTO jobs_paused_queues (queue, paused_at, paused_by, reason) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
