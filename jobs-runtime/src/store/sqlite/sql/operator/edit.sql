-- Changes what the execution $1 is: its payload becomes $2, its time $3 and its priority $4, those that
-- are not NULL.
UPDATE jobs_executions
SET payload = IFNULL($2, payload), run_at = IFNULL($3, run_at), priority = IFNULL($4, priority)
WHERE seq = $1
