-- Reads the schedules that are due at the time $1, the earliest first, at most $2.
SELECT name, job_id, revision, rule, payload, declared, overridden, paused_at, absent,
    evaluated_until, due_at, created_at, updated_at
FROM jobs_schedules
WHERE due_at <= $1
ORDER BY due_at, name
LIMIT $2
