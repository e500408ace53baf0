-- Gives waiting executions the payload of a debounced enqueue and its time of expiry, and scheduled
-- ones its time. If an execution occurs several times, its last entry holds.
-- $21  JSON array: [execution id (hex), payload, run_at or NULL, time of expiry or NULL]
UPDATE jobs_executions
SET payload = m.payload, run_at = IFNULL(m.run_at, jobs_executions.run_at)
FROM (
    SELECT unhex(value ->> 0) AS id, value ->> 1 AS payload, value ->> 2 AS run_at, MAX(key)
    FROM json_each($21)
    GROUP BY value ->> 0
) AS m
WHERE jobs_executions.id = m.id;

UPDATE jobs_scheduled
SET run_at = m.run_at
FROM (
    SELECT x.seq, value ->> 2 AS run_at, MAX(key)
    FROM json_each($21)
    CROSS JOIN jobs_executions AS x ON x.id = unhex(value ->> 0)
    WHERE value ->> 2 IS NOT NULL
    GROUP BY x.seq
) AS m
WHERE jobs_scheduled.seq = m.seq;

UPDATE jobs_expirations
SET expires_at = m.expires_at
FROM (
    SELECT x.seq, value ->> 3 AS expires_at, MAX(key)
    FROM json_each($21)
    CROSS JOIN jobs_executions AS x ON x.id = unhex(value ->> 0)
    WHERE value ->> 3 IS NOT NULL
    GROUP BY x.seq
) AS m
WHERE jobs_expirations.seq = m.seq;
