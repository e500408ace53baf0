-- What the array $19 says of the last $2 executions: the place in the batch, the limits, and whether
-- the job says how many may wait. Those with limits stand at the door, the others are ready, unless
-- they are delayed.
INSERT INTO jobs_limited (seq, limits, capped)
SELECT (SELECT MAX(seq) FROM jobs_executions) - $2 + 1 + (value ->> 0), value ->> 1, value ->> 2
FROM json_each($19);

INSERT INTO jobs_held (seq, limit_id, rank, attempt, spent, passed)
SELECT x.seq, 0, 100 - x.priority, 1, 0, 0
FROM jobs_executions AS x
CROSS JOIN jobs_limited AS m ON m.seq = x.seq AND m.limits IS NOT NULL
WHERE x.seq > (SELECT MAX(seq) FROM jobs_executions) - $2 AND x.run_at <= x.created_at;

INSERT INTO jobs_waiting (seq, job_id)
SELECT x.seq, x.job_id
FROM jobs_executions AS x
CROSS JOIN jobs_limited AS m ON m.seq = x.seq AND m.capped
WHERE x.seq > (SELECT MAX(seq) FROM jobs_executions) - $2;

INSERT INTO jobs_ready (queue, rank, seq, job_id, attempt, spent)
SELECT queue, 100 - priority, seq, job_id, 1, 0
FROM jobs_executions AS x
WHERE seq > (SELECT MAX(seq) FROM jobs_executions) - $2 AND run_at <= created_at
    AND NOT EXISTS (SELECT 1 FROM jobs_limited AS m WHERE m.seq = x.seq AND m.limits IS NOT NULL);
