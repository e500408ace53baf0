-- Nothing is claimed from the queue $1 from $2 on; the first pause's time stays.
INSERT INTO jobs.paused_queues (queue, paused_at) VALUES ($1, $2) ON CONFLICT (queue) DO NOTHING
