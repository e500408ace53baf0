-- Finds the executions that exist.
-- $1  JSON array: ids (hex)
-- Returns their ids.
SELECT id FROM jobs_executions WHERE id IN (SELECT unhex(value) FROM json_each($1))
