-- The rows of apalis that wait for an attempt or run, by id.
-- $1  the id after which to read
-- $2  the number of rows
SELECT
    id,
    job_type AS name,
    CAST(job AS BLOB) AS payload,
    status IN ('Queued', 'Running') OR (status = 'Pending' AND lock_by IS NOT NULL) AS is_running,
    run_at * 1000 AS run_at,
    priority,
    FALSE AS is_ordered
FROM Jobs
WHERE id > $1
    AND (
        status IN ('Pending', 'Queued', 'Running')
        OR (status = 'Failed' AND attempts < max_attempts)
    )
ORDER BY id
LIMIT $2
