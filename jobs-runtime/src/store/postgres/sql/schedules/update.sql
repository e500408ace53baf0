-- Replaces the schedule $1 of the revision $3.
UPDATE jobs.schedules
SET job_id = $2, revision = revision + 1, rule = $4, payload = $5, declared = $6, overridden = $7,
    paused_at = $8, absent = $9, evaluated_until = $10, due_at = $11, created_at = $12,
    updated_at = $13
WHERE name = $1 AND revision = $3
