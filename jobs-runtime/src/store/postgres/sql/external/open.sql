-- Opens the session of an external worker. $1 to $8 as in `session/open.sql`; $9 the worker's
-- program as JSON, $10 the digest of the secret in the tokens of its leases. Returns the id.
WITH opened AS (
    INSERT INTO jobs.sessions (
        id, worker, opened_at, job_ids, queues, labels, slot_caps, lease_ms, external, token_digest
    )
    OVERRIDING SYSTEM VALUE
    VALUES (
        (nextval(pg_get_serial_sequence('jobs.sessions', 'id')) << 32) | $8,
        $1, $2, $3, $4, $5, $6, $7, $9, $10
    )
    RETURNING id, opened_at
)
INSERT INTO jobs.beats (session, renewed_at)
SELECT id, opened_at FROM opened
RETURNING session
