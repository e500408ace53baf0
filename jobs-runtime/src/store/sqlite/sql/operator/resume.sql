-- Resumes a queue: claims take from it again.
-- $1  the queue
DELETE FROM jobs_paused_queues WHERE queue = $1
