-- Every open session, oldest first.
SELECT id, beat, worker, opened_at, renewed_at
FROM jobs_sessions
WHERE closed_at IS NULL
ORDER BY id
