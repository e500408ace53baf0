-- Records the erasures of imported executions.
-- $1  JSON array: [seq, time, author]
UPDATE jobs_executions
SET erased_at = e.value ->> 1, erased_by = e.value ->> 2
FROM json_each($1) AS e
WHERE jobs_executions.seq = e.value ->> 0
