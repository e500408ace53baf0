-- Adds new executions of jobs with max_waiting to the backlog of their job.
-- $2   the number of executions that insert_executions.sql has written
-- $25  JSON array: places among them, from 0
INSERT INTO jobs_limited (seq, limits, capped)
SELECT (SELECT MAX(seq) FROM jobs_executions) - $2 + 1 + c.value, NULL, 1
FROM json_each($25) AS c
WHERE TRUE
ON CONFLICT (seq) DO UPDATE SET capped = 1;

INSERT INTO jobs_backlog_entries (seq, job_id)
SELECT x.seq, x.job_id
FROM json_each($25) AS c
CROSS JOIN jobs_executions AS x ON x.seq = (SELECT MAX(seq) FROM jobs_executions) - $2 + 1 + c.value;
