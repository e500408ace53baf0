-- Reads the limits with the keys $1. Returns their rules, their counters and whether they are
-- retired.
SELECT
    id, stage, kind, count, period_ms, in_use, tat, paused_until, check_at, key,
    retired_at IS NOT NULL
FROM jobs.limits
WHERE key = ANY ($1)
