-- Reads the limits with the keys $1. Returns their rules and counters.
SELECT id, stage, kind, count, period_ms, in_use, tat, paused_until, check_at, key
FROM jobs.limits
WHERE key = ANY ($1)
