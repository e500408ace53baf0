-- Opens a session: worker $1, time $2, jobs $3, queues $4, labels $5, slot caps $6. Returns its id.
WITH opened AS (
    INSERT INTO jobs.sessions (worker, opened_at, job_ids, queues, labels, slot_caps)
    VALUES ($1, $2, $3, $4, $5, $6)
    RETURNING id, opened_at
)
INSERT INTO jobs.beats (session, renewed_at)
SELECT id, opened_at FROM opened
RETURNING session
