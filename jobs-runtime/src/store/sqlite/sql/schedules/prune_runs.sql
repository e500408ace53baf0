-- Deletes the runs of the schedule $1 before its newest $2 ones.
DELETE FROM jobs_schedule_runs
WHERE schedule = $1 AND time < (
    SELECT MIN(kept.time) FROM (
        SELECT time FROM jobs_schedule_runs WHERE schedule = $1 ORDER BY time DESC LIMIT $2
    ) AS kept
)
