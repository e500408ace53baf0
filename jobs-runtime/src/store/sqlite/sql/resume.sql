-- Claims take from the queue $1 again.
DELETE FROM jobs_paused WHERE queue = $1
