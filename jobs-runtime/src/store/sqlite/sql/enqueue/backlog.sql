-- How many executions of the job $1 wait, counted up to $2.
SELECT COUNT(*) FROM (SELECT 1 FROM jobs_backlog_entries WHERE job_id = $1 LIMIT $2)
