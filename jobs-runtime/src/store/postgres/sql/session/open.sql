-- A new session; its number was never used before.
WITH opened AS (
    INSERT INTO jobs.sessions (worker, opened_at, job_ids, queues, labels, slot_caps)
    VALUES ($1, $2, $3, $4, $5, $6)
    RETURNING id, opened_at
)
INSERT INTO jobs.beats (session, renewed_at)
SELECT id, opened_at FROM opened
RETURNING session
