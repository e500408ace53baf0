-- Lists the rates whose next start is later than a time.
-- $1  the time
SELECT
    key, job_id, stage, kind, count, period_ms,
    MAX(paused_until, (tat + 999) / 1000) AS "until"
FROM jobs_limits
WHERE kind = 'rate' AND MAX(paused_until, (tat + 999) / 1000) > $1
ORDER BY id
