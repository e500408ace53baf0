-- Writes a plan of the allocator.
-- $1  JSON array: admitted executions [seq, earliest start]
-- $2  JSON array: executions that stay blocked [seq, limit, limits passed, time of arrival]
-- $3  JSON array: ready executions that are displaced and blocked again, in the form of $2
-- $4  JSON array: limits [id, [in_use, tat, check_at], [reach_first, reach_last, reach_rank]]
INSERT INTO jobs_ready (queue, rank, seq, job_id, attempt, spent, limits, last_limit, admitted_at)
SELECT x.queue, h.rank, h.seq, x.job_id, h.attempt, h.spent, m.limits,
    iif(json_valid(m.limits), m.limits ->> '$[#-1]', NULL), e.value ->> 1
FROM jsonb_each($1) AS e
CROSS JOIN jobs_blocked AS h ON h.seq = e.value ->> 0
CROSS JOIN jobs_limited AS m ON m.seq = h.seq
CROSS JOIN jobs_executions AS x ON x.seq = h.seq;

DELETE FROM jobs_blocked WHERE seq IN (SELECT value ->> 0 FROM jsonb_each($1));

UPDATE jobs_blocked
SET limit_id = e.value ->> 1, passed = e.value ->> 2, arrived_at = e.value ->> 3
FROM jsonb_each($2) AS e
WHERE jobs_blocked.seq = e.value ->> 0;

INSERT INTO jobs_blocked (seq, limit_id, rank, attempt, spent, passed, arrived_at)
SELECT r.seq, e.value ->> 1, r.rank, r.attempt, r.spent, e.value ->> 2, e.value ->> 3
FROM jsonb_each($3) AS e
CROSS JOIN jobs_executions AS x ON x.seq = e.value ->> 0
CROSS JOIN jobs_ready AS r ON r.queue = x.queue AND r.rank = 100 - x.priority AND r.seq = x.seq;

DELETE FROM jobs_ready
WHERE (queue, rank, seq) IN (
    SELECT x.queue, 100 - x.priority, x.seq
    FROM jsonb_each($3) AS e
    CROSS JOIN jobs_executions AS x ON x.seq = e.value ->> 0
);

UPDATE jobs_limits
SET in_use = e.value ->> '$[1][0]', tat = e.value ->> '$[1][1]', check_at = e.value ->> '$[1][2]',
    reach_first = e.value ->> '$[2][0]', reach_last = e.value ->> '$[2][1]', reach_rank = e.value ->> '$[2][2]'
FROM jsonb_each($4) AS e
WHERE jobs_limits.id = e.value ->> 0;
