-- Pauses rates, and creates those that do not exist.
-- $1  JSON array: [key, job, stage, count, period, interval, time of the next start]
INSERT INTO jobs_limits (key, job_id, stage, kind, count, period_ms, interval_us, paused_until)
SELECT
    value ->> 0, value ->> 1, value ->> 2, 'rate', value ->> 3, value ->> 4, value ->> 5,
    value ->> 6
FROM json_each($1)
WHERE TRUE
ON CONFLICT (key) DO UPDATE
SET paused_until = MAX(paused_until, excluded.paused_until)
