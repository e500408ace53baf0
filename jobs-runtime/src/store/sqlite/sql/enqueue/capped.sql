-- Those of the last $2 executions count as waiting whose places are in the array $25: their job says how many may.
INSERT INTO jobs_limited (seq, limits, capped)
SELECT (SELECT MAX(seq) FROM jobs_executions) - $2 + 1 + c.value, NULL, 1
FROM json_each($25) AS c
WHERE TRUE
ON CONFLICT (seq) DO UPDATE SET capped = 1;

INSERT INTO jobs_backlog_entries (seq, job_id)
SELECT x.seq, x.job_id
FROM json_each($25) AS c
CROSS JOIN jobs_executions AS x ON x.seq = (SELECT MAX(seq) FROM jobs_executions) - $2 + 1 + c.value;
