-- Pauses the queue $1 at the time $2. A queue that is paused already keeps its time.
INSERT INTO jobs.paused_queues (queue, paused_at) VALUES ($1, $2) ON CONFLICT (queue) DO NOTHING
