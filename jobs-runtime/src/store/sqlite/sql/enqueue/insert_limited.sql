-- Queues the executions that insert_executions.sql has written, if some of them have limits.
-- Delayed ones stay scheduled. Of the others, those named by $26 are blocked, the rest is ready
-- with its permits.
-- $2   the number of executions that insert_executions.sql has written
-- $19  JSON array: the limits of each execution as text, NULL for an execution without limits
-- $26  JSON array: places, from 0, of executions that take no permit here; NULL for none
INSERT INTO jobs_limited (seq, limits, capped)
SELECT (SELECT MAX(seq) FROM jobs_executions) - $2 + 1 + b.key, b.value, 0
FROM json_each($19) AS b
WHERE b.type <> 'null';

INSERT INTO jobs_blocked (seq, limit_id, rank, attempt, spent, passed)
SELECT x.seq, 0, 100 - x.priority, 1, 0, 0
FROM json_each($26) AS h
CROSS JOIN jobs_executions AS x ON x.seq = (SELECT MAX(seq) FROM jobs_executions) - $2 + 1 + h.value
WHERE x.run_at <= x.created_at;

INSERT INTO jobs_ready (queue, rank, seq, job_id, attempt, spent, limits, admitted_at)
SELECT
    x.queue, 100 - x.priority, x.seq, x.job_id, 1, 0, m.limits,
    iif(m.limits IS NULL, NULL, x.created_at)
FROM jobs_executions AS x
LEFT JOIN jobs_limited AS m ON m.seq = x.seq
WHERE x.seq > (SELECT MAX(seq) FROM jobs_executions) - $2 AND x.run_at <= x.created_at
    AND ($26 IS NULL OR NOT EXISTS (SELECT 1 FROM jobs_blocked AS h WHERE h.seq = x.seq));
