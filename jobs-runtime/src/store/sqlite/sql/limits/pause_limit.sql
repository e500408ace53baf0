-- Pauses rates: no start before a time.
-- $1  JSON array: keys
-- $2  the time
UPDATE jobs_limits
SET paused_until = MAX(paused_until, $2)
WHERE key IN (SELECT value FROM json_each($1)) AND kind = 'rate'
