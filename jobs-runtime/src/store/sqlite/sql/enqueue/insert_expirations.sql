-- Records the times at which the executions expire that insert_executions.sql has written.
-- $2   the number of executions that insert_executions.sql has written
-- $27  JSON array: [place from 0, time of expiry]
INSERT INTO jobs_expirations (seq, expires_at)
SELECT (SELECT MAX(seq) FROM jobs_executions) - $2 + 1 + (e.value ->> 0), e.value ->> 1
FROM json_each($27) AS e;
