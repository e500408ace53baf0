-- The limits with the keys of the array $1.
SELECT id, key, stage, kind, count, period_ms
FROM jobs_limits
WHERE key IN (SELECT value FROM json_each($1))
