-- The rates that exist among the keys of the array $1.
SELECT id, stage, kind, count, period_ms, in_use, tat, check_at
FROM jobs_limits
WHERE key IN (SELECT value FROM json_each($1)) AND kind = 'rate'
