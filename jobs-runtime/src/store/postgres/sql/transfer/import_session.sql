-- A closed session of the worker $1, for attempts that came from another store; a new one with the
-- time $2 if there is none.
WITH known AS (
    SELECT MIN(id) AS id FROM jobs.sessions WHERE worker = $1 AND closed_at IS NOT NULL
),
made AS (
    INSERT INTO jobs.sessions (worker, opened_at, closed_at)
    SELECT $1, $2, $2 FROM known WHERE known.id IS NULL
    RETURNING id
)
SELECT id FROM known WHERE id IS NOT NULL
UNION ALL
SELECT id FROM made
