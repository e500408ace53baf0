-- Opens a session: worker $1, time $2, jobs $3, queues $4, labels $5, slot caps $6, lease $7.
-- $8 is the nonce of its id, $9 the fingerprints of the jobs. Returns the id.
WITH opened AS (
    INSERT INTO jobs.sessions (
        id, worker, opened_at, job_ids, queues, labels, slot_caps, lease_ms,
        fingerprints
    )
    OVERRIDING SYSTEM VALUE
    VALUES (
        (nextval(pg_get_serial_sequence('jobs.sessions', 'id')) << 32) | $8,
        $1, $2, $3, $4, $5, $6, $7, $9
    )
    RETURNING id, opened_at
)
INSERT INTO jobs.beats (session, renewed_at)
SELECT id, opened_at FROM opened
RETURNING session
