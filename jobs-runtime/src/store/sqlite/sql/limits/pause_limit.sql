-- Reads the states of rates by key.
-- $1  JSON array: keys
-- Returns a row for each rate that exists.
SELECT id, stage, kind, count, period_ms, in_use, tat, check_at
FROM jobs_limits
WHERE key IN (SELECT value FROM json_each($1)) AND kind = 'rate'
