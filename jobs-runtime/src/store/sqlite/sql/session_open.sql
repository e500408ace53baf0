-- A new session; its number was never used before.
INSERT INTO jobs_sessions (worker, opened_at, renewed_at) VALUES ($1, $2, $2) RETURNING id
