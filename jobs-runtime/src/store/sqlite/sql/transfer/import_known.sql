-- Which of the ids in the array $1 exist.
SELECT id FROM jobs_executions WHERE id IN (SELECT unhex(value) FROM json_each($1))
