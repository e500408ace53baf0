-- Records a run. A second manual run within a millisecond replaces the record of the first.
INSERT INTO jobs.schedule_runs (schedule, time, manual, fired_at, execution_id, reason, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (schedule, time, manual) DO UPDATE
SET fired_at = excluded.fired_at, execution_id = excluded.execution_id,
    reason = excluded.reason, detail = excluded.detail
