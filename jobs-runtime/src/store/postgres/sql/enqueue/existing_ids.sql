-- Finds the executions among the ids $1 that exist. Returns their ids.
SELECT id FROM jobs.executions WHERE id = ANY ($1)
