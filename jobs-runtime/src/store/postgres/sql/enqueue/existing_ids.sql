-- Which of the ids $1 exist.
SELECT id FROM jobs.executions WHERE id = ANY ($1)
