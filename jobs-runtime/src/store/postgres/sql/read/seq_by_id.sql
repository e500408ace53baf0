-- The number of the execution $1.
SELECT seq FROM jobs.executions WHERE id = $1
