-- The rows of apalis that wait for an attempt or run, by id.
-- $1  the id after which to read
-- $2  the number of rows
SELECT
    id,
    job_type AS name,
    job AS payload,
    status IN ('Queued', 'Running') OR (status = 'Pending' AND lock_by IS NOT NULL) AS is_running,
    (EXTRACT(EPOCH FROM run_at) * 1000)::BIGINT AS run_at,
    COALESCE(priority, 0)::BIGINT AS priority,
    FALSE AS is_ordered
FROM apalis.jobs
WHERE id > $1
    AND (
        status IN ('Pending', 'Queued', 'Running')
        OR (status = 'Failed' AND attempts < max_attempts)
    )
ORDER BY id
LIMIT $2
