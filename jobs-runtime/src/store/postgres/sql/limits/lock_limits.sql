-- The limits $1, which are locked: their rules and what is taken out of them stay as they are.
SELECT id, stage, kind, count, period_ms, in_use, tat, check_at
FROM jobs.limits
WHERE id = ANY ($1)
ORDER BY id
FOR NO KEY UPDATE
