-- The ids of the executions numbered by the array $1.
SELECT id FROM jobs_executions WHERE seq IN (SELECT value FROM json_each($1))
