-- A new session; its number was never used before.
INSERT INTO jobs_sessions (worker, opened_at, renewed_at, job_ids, queues)
VALUES ($1, $2, $2, $3, $4)
RETURNING id
