-- The limits of the array $1.
SELECT
    id, stage, kind, count, period_ms, in_use, tat, check_at, reach_first, reach_last, reach_rank
FROM jobs_limits
WHERE id IN (SELECT value FROM json_each($1))
