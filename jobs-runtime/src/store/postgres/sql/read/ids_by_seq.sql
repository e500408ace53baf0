-- The ids of the executions numbered $1.
SELECT id FROM jobs.executions WHERE seq = ANY ($1)
