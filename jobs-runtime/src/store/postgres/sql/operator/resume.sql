-- Resumes the queue $1.
DELETE FROM jobs.paused_queues WHERE queue = $1
