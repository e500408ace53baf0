-- A new session; its number was never used before.
INSERT INTO jobs_sessions (worker, opened_at, renewed_at, job_ids, queues, labels, slot_caps)
VALUES ($1, $2, $2, $3, $4, $5, $6)
RETURNING id
