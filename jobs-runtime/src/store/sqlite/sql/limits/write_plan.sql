-- What the doorkeeper has decided: who is let in ($1: the execution, and from when on it may start), who waits
-- where from now on ($2: the execution, the limit, the limits passed, the arrived_at), who was ready and is held again
-- ($3, likewise), and the limits ($4).
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
