-- Reads the ids of executions.
-- $1  JSON array: seq of each execution
SELECT id FROM jobs_executions WHERE seq IN (SELECT value FROM json_each($1))
