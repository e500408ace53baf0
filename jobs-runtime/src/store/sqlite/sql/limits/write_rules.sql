-- Creates limits, and updates the rules of existing ones. The allocator looks at the updated ones
-- next.
-- $1  JSON array: [key, job, stage, kind, count, period, interval]
-- Returns rows: id, key.
INSERT INTO jobs_limits (key, job_id, stage, kind, count, period_ms, interval_us)
SELECT
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
    value ->> 6
FROM json_each($1)
WHERE TRUE
ON CONFLICT (key) DO UPDATE
SET stage = excluded.stage, kind = excluded.kind, count = excluded.count,
    period_ms = excluded.period_ms, interval_us = excluded.interval_us, check_at = 0
RETURNING id, key
