-- Finds or creates a closed session of a worker, for imported attempts.
-- $1  the worker
-- $2  the time at which the session opened and closed
-- Returns its id.
INSERT INTO jobs_sessions (worker, opened_at, renewed_at, closed_at)
SELECT $1, $2, $2, $2
WHERE NOT EXISTS (SELECT 1 FROM jobs_sessions WHERE worker = $1 AND closed_at IS NOT NULL);

SELECT MIN(id) FROM jobs_sessions WHERE worker = $1 AND closed_at IS NOT NULL;
