-- Finds or inserts a closed session of the worker $1 for imported attempts. Returns its id.
-- $2 is the time of a new session.
WITH existing AS (
    SELECT MIN(id) AS id FROM jobs.sessions WHERE worker = $1 AND closed_at IS NOT NULL
),
inserted AS (
    INSERT INTO jobs.sessions (worker, opened_at, closed_at)
    SELECT $1, $2, $2 FROM existing WHERE existing.id IS NULL
    RETURNING id
)
SELECT id FROM existing WHERE id IS NOT NULL
UNION ALL
SELECT id FROM inserted
