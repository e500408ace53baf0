-- The jobs of graphile_worker that have attempts left, by id. Its smaller priorities come first.
-- $1  the id after which to read
-- $2  the number of rows
SELECT
    jobs.id::TEXT AS id,
    tasks.identifier AS name,
    CONVERT_TO(jobs.payload::TEXT, 'UTF8') AS payload,
    jobs.locked_at IS NOT NULL AS is_running,
    (EXTRACT(EPOCH FROM jobs.run_at) * 1000)::BIGINT AS run_at,
    -jobs.priority::BIGINT AS priority,
    jobs.job_queue_id IS NOT NULL AS is_ordered
FROM _private_jobs AS jobs
JOIN _private_tasks AS tasks ON tasks.id = jobs.task_id
WHERE jobs.id > COALESCE(NULLIF($1, ''), '0')::BIGINT AND jobs.attempts < jobs.max_attempts
ORDER BY jobs.id
LIMIT $2
