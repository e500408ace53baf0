-- Claims take from the queue $1 again.
DELETE FROM jobs.paused WHERE queue = $1
