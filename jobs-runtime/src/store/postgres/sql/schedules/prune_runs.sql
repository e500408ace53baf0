-- Deletes the runs of the schedule $1 before its newest $2 ones. A run stays while its execution is
-- not final: `is_live` finds a live execution by its run.
DELETE FROM jobs.schedule_runs
WHERE schedule = $1 AND time < (
    SELECT MIN(kept.time) FROM (
        SELECT time FROM jobs.schedule_runs WHERE schedule = $1 ORDER BY time DESC LIMIT $2
    ) AS kept
) AND (execution_id IS NULL OR execution_id <> ALL (ARRAY(
    SELECT x.id
    FROM jobs.executions AS x
    WHERE x.id = ANY (ARRAY(
        SELECT execution_id FROM jobs.schedule_runs
        WHERE schedule = $1 AND execution_id IS NOT NULL
    )) AND NOT EXISTS (SELECT 1 FROM jobs.outcomes AS o WHERE o.seq = ANY (ARRAY[x.seq]))
)))
