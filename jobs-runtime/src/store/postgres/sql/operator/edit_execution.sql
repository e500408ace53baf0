-- Changes what the execution $1 is: its payload becomes $2, its time $3 and its priority $4, those that
-- are not NULL.
UPDATE jobs.executions
SET payload = COALESCE($2, payload), run_at = COALESCE($3, run_at),
    priority = COALESCE($4, priority)
WHERE seq = $1
