-- Pauses a queue: claims skip it. A queue that is paused keeps its time.
-- $1  the queue
-- $2  the present time
INSERT INTO jobs_paused_queues (queue, paused_at) VALUES ($1, $2) ON CONFLICT DO NOTHING
