-- What the array $19 says of the last $2 executions: the place in the batch, the limits, whether the job
-- says how many may wait, and whether it has permits already, which the array $23 counts by limits. Those
-- with limits and without permits stand at the door, the others are ready, unless they are delayed.
INSERT INTO jobs_limited (seq, limits, capped)
SELECT (SELECT MAX(seq) FROM jobs_executions) - $2 + 1 + (value ->> 0), value ->> 1, value ->> 2
FROM json_each($19);

INSERT INTO jobs_held (seq, limit_id, rank, attempt, spent, passed)
SELECT x.seq, 0, 100 - x.priority, 1, 0, 0
FROM json_each($19) AS e
CROSS JOIN jobs_executions AS x
    ON x.seq = (SELECT MAX(seq) FROM jobs_executions) - $2 + 1 + (e.value ->> 0)
WHERE e.value ->> 1 IS NOT NULL AND NOT e.value ->> 3 AND x.run_at <= x.created_at;

INSERT INTO jobs_waiting (seq, job_id)
SELECT x.seq, x.job_id
FROM jobs_executions AS x
CROSS JOIN jobs_limited AS m ON m.seq = x.seq AND m.capped
WHERE x.seq > (SELECT MAX(seq) FROM jobs_executions) - $2;

INSERT INTO jobs_ready (queue, rank, seq, job_id, attempt, spent, limits, last_limit, let_in_at)
SELECT
    x.queue, 100 - x.priority, x.seq, x.job_id, 1, 0, m.limits, m.limits ->> '$[#-1]',
    iif(m.limits IS NOT NULL, x.created_at, NULL)
FROM jobs_executions AS x
LEFT JOIN jobs_limited AS m ON m.seq = x.seq
WHERE x.seq > (SELECT MAX(seq) FROM jobs_executions) - $2 AND x.run_at <= x.created_at
    AND NOT EXISTS (SELECT 1 FROM jobs_held AS h WHERE h.seq = x.seq);

UPDATE jobs_limits
SET granted = granted + (e.value ->> 1)
FROM json_each($23) AS e
WHERE jobs_limits.id = e.value ->> 0;
