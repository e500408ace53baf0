-- Claims take from the queue $1 again.
DELETE FROM jobs.paused_queues WHERE queue = $1
