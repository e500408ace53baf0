-- Lists the rates whose next start is later than the time $1.
SELECT
    key, job_id, stage::bigint AS stage, kind, count, period_ms,
    GREATEST(paused_until, (tat + 999) / 1000) AS until
FROM jobs.limits
WHERE kind = 'rate' AND GREATEST(paused_until, (tat + 999) / 1000) > $1
ORDER BY id
