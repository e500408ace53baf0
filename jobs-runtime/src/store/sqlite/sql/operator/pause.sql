-- Nothing is claimed from the queue $1 from $2 on.
INSERT INTO jobs_paused_queues (queue, paused_at) VALUES ($1, $2) ON CONFLICT DO NOTHING
