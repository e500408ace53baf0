-- Reads the schedule $1, or all schedules if it is NULL, by name.
SELECT name, job_id, revision, rule, payload, declared, overridden, paused_at, absent,
    evaluated_until, due_at, created_at, updated_at
FROM jobs.schedules
WHERE $1::text IS NULL OR name = $1
ORDER BY name
