-- Edits the row of the execution $1: payload $2, due time $3, priority $4, queue $5. NULL keeps a
-- value. A new due time moves the time at which the execution expires by the same difference.
WITH expiration AS (
    UPDATE jobs.expirations AS e
    SET expires_at = e.expires_at + $3 - x.run_at
    FROM jobs.executions AS x
    WHERE e.seq = $1 AND x.seq = $1 AND $3::bigint IS NOT NULL
)
UPDATE jobs.executions
SET payload = COALESCE($2, payload), run_at = COALESCE($3, run_at),
    priority = COALESCE($4, priority), queue = COALESCE($5, queue)
WHERE seq = $1
