-- Writes a plan of the allocator.
-- $1  JSON array: admitted executions [seq, earliest start]
-- $2  JSON array: executions that stay blocked [seq, limit, limits passed, time of arrival]
-- $3  JSON array: limits [id, in_use, tat, check_at]
INSERT INTO jobs_ready (queue, rank, seq, job_id, attempt, spent, limits, admitted_at)
SELECT x.queue, h.rank, h.seq, x.job_id, h.attempt, h.spent, m.limits, e.value ->> 1
FROM jsonb_each($1) AS e
CROSS JOIN jobs_blocked AS h ON h.seq = e.value ->> 0
CROSS JOIN jobs_limited AS m ON m.seq = h.seq
CROSS JOIN jobs_executions AS x ON x.seq = h.seq;

DELETE FROM jobs_blocked WHERE seq IN (SELECT value ->> 0 FROM jsonb_each($1));

UPDATE jobs_blocked
SET limit_id = e.value ->> 1, passed = e.value ->> 2, arrived_at = e.value ->> 3
FROM jsonb_each($2) AS e
WHERE jobs_blocked.seq = e.value ->> 0;

UPDATE jobs_limits
SET in_use = e.value ->> 1, tat = e.value ->> 2, check_at = e.value ->> 3
FROM jsonb_each($3) AS e
WHERE jobs_limits.id = e.value ->> 0;
