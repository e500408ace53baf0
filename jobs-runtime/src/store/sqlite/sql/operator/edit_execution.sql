-- Changes fields of an execution. A NULL keeps the field. A new due time moves the time at which
-- the execution expires by the same difference.
-- $1  the seq of the execution
-- $2  the payload
-- $3  the time at which it is due
-- $4  the priority
-- $5  the queue
UPDATE jobs_expirations
SET expires_at = expires_at + $3 - (SELECT run_at FROM jobs_executions WHERE seq = $1)
WHERE seq = $1 AND $3 IS NOT NULL;

UPDATE jobs_executions
SET payload = IFNULL($2, payload), run_at = IFNULL($3, run_at), priority = IFNULL($4, priority),
    queue = IFNULL($5, queue)
WHERE seq = $1
