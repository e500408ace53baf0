-- Locks the limits $1 in the order of their ids. Returns their rules and counters.
SELECT id, stage, kind, count, period_ms, in_use, tat, paused_until, check_at
FROM jobs.limits
WHERE id = ANY ($1)
ORDER BY id
FOR NO KEY UPDATE
