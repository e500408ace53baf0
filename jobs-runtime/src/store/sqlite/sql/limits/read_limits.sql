-- Reads the states of limits.
-- $1  JSON array: ids of limits
-- Returns a row for each limit that exists.
SELECT id, stage, kind, count, period_ms, in_use, tat, paused_until, check_at
FROM jobs_limits
WHERE id IN (SELECT value FROM json_each($1))
