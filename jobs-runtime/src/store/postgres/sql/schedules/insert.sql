-- Adds a schedule, unless its name exists.
INSERT INTO jobs.schedules (
    name, job_id, revision, rule, payload, declared, overridden, paused_at, absent,
    evaluated_until, due_at, created_at, updated_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT DO NOTHING
