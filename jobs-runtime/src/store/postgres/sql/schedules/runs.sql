-- Reads the last runs of the schedule $1, newest first, at most $2.
SELECT time, manual, fired_at, execution_id, reason, detail
FROM jobs.schedule_runs
WHERE schedule = $1
ORDER BY time DESC, manual
LIMIT $2
