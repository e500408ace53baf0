-- True if a recorded execution of the schedule $1 is not final.
SELECT EXISTS (
    SELECT 1
    FROM jobs.schedule_runs AS r
    JOIN jobs.executions AS x ON x.id = r.execution_id
    WHERE r.schedule = $1 AND NOT EXISTS (SELECT 1 FROM jobs.outcomes AS o WHERE o.seq = x.seq)
)
