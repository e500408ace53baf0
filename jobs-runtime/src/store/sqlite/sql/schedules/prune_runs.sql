-- Deletes the runs of the schedule $1 before its newest $2 ones. A run stays while its execution is
-- not final: `is_live` finds a live execution by its run.
DELETE FROM jobs_schedule_runs AS r
WHERE r.schedule = $1 AND r.time < (
    SELECT MIN(kept.time) FROM (
        SELECT time FROM jobs_schedule_runs WHERE schedule = $1 ORDER BY time DESC LIMIT $2
    ) AS kept
) AND NOT EXISTS (
    SELECT 1 FROM jobs_executions AS x
    WHERE x.id = r.execution_id
        AND NOT EXISTS (SELECT 1 FROM jobs_outcomes AS o WHERE o.seq = x.seq)
)
