-- Edits the row of the execution $1: payload $2, due time $3, priority $4, queue $5. NULL
-- keeps a value.
UPDATE jobs.executions
SET payload = COALESCE($2, payload), run_at = COALESCE($3, run_at),
    priority = COALESCE($4, priority), queue = COALESCE($5, queue)
WHERE seq = $1
