-- A closed session of the worker $1, for attempts that came from another store.
INSERT INTO jobs_sessions (worker, opened_at, renewed_at, closed_at)
SELECT $1, $2, $2, $2
WHERE NOT EXISTS (SELECT 1 FROM jobs_sessions WHERE worker = $1 AND closed_at IS NOT NULL);

SELECT MIN(id) FROM jobs_sessions WHERE worker = $1 AND closed_at IS NOT NULL;
