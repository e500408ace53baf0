-- Moves the schedule $1 past the times until $2. It is due at $3 next.
UPDATE jobs_schedules
SET revision = revision + 1, evaluated_until = $2, due_at = $3
WHERE name = $1
