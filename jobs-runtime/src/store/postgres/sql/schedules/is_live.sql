-- True if a recorded execution of the schedule $1 is not final. The arrays keep the planner from
-- scanning the large tables when it knows nothing of the runs.
SELECT EXISTS (
    SELECT 1
    FROM jobs.executions AS x
    WHERE x.id = ANY (ARRAY(
        SELECT execution_id FROM jobs.schedule_runs
        WHERE schedule = $1 AND execution_id IS NOT NULL
    )) AND NOT EXISTS (SELECT 1 FROM jobs.outcomes AS o WHERE o.seq = ANY (ARRAY[x.seq]))
)
