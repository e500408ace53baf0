-- Reads the seq of the execution with the id $1.
SELECT seq FROM jobs.executions WHERE id = $1
