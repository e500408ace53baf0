-- How many executions are ready, counted up to $1.
SELECT COUNT(*) FROM (SELECT 1 FROM jobs.ready LIMIT $1) AS counted
