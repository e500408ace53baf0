-- What the array $19 says of the last $2 executions, in runs of neighbours: the place of the first one in the
-- batch and how many they are, then their limits, whether their job says how many may wait, and whether they have
-- permits already, which the array $23 counts by limits. Those with limits and without permits stand at the
-- door, the others are ready, unless they are delayed.
WITH run (first, count, limits, capped) AS MATERIALIZED (
    SELECT
        (SELECT MAX(seq) FROM jobs_executions) - $2 + 1 + (value ->> 0), value ->> 1,
        value ->> '$[2][0]', value ->> '$[2][1]'
    FROM json_each($19)
)
INSERT INTO jobs_limited (seq, limits, capped)
SELECT x.seq, r.limits, r.capped
FROM run AS r
CROSS JOIN jobs_executions AS x ON x.seq BETWEEN r.first AND r.first + r.count - 1
WHERE r.limits IS NOT NULL OR r.capped;

INSERT INTO jobs_held (seq, limit_id, rank, attempt, spent, passed)
SELECT x.seq, 0, 100 - x.priority, 1, 0, 0
FROM (
    SELECT (SELECT MAX(seq) FROM jobs_executions) - $2 + 1 + (value ->> 0) AS first, value ->> 1 AS count
    FROM json_each($19)
    WHERE value ->> '$[2][0]' IS NOT NULL AND NOT value ->> '$[2][2]'
) AS r
CROSS JOIN jobs_executions AS x ON x.seq BETWEEN r.first AND r.first + r.count - 1
WHERE x.run_at <= x.created_at;

INSERT INTO jobs_waiting (seq, job_id)
SELECT x.seq, x.job_id
FROM (
    SELECT (SELECT MAX(seq) FROM jobs_executions) - $2 + 1 + (value ->> 0) AS first, value ->> 1 AS count
    FROM json_each($19)
    WHERE value ->> '$[2][1]'
) AS r
CROSS JOIN jobs_executions AS x ON x.seq BETWEEN r.first AND r.first + r.count - 1;

WITH run (first, count, limits, last_limit, is_let_in) AS MATERIALIZED (
    SELECT
        (SELECT MAX(seq) FROM jobs_executions) - $2 + 1 + (value ->> 0), value ->> 1,
        value ->> '$[2][0]', value ->> '$[2][0][#-1]', value ->> '$[2][2]'
    FROM json_each($19)
)
INSERT INTO jobs_ready (queue, rank, seq, job_id, attempt, spent, limits, last_limit, let_in_at)
SELECT
    x.queue, 100 - x.priority, x.seq, x.job_id, 1, 0, r.limits, r.last_limit, iif(r.is_let_in, x.created_at, NULL)
FROM run AS r
CROSS JOIN jobs_executions AS x ON x.seq BETWEEN r.first AND r.first + r.count - 1
WHERE (r.is_let_in OR r.limits IS NULL) AND x.run_at <= x.created_at;

UPDATE jobs_limits
SET granted = granted + (e.value ->> 1)
FROM json_each($23) AS e
WHERE jobs_limits.id = e.value ->> 0;
