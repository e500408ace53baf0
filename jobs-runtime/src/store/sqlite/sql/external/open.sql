-- Opens the session of an external worker.
-- $1 to $8  as in `session/open.sql`
-- $9  JSON object: the worker's program
-- $10  the digest of the secret in the tokens of its leases
-- Returns its id, which is never used again.
INSERT INTO jobs_sessions (
    id, worker, opened_at, renewed_at, job_ids, queues, labels, slot_caps, lease_ms, external,
    token_digest
)
VALUES (
    ((((SELECT IFNULL(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'jobs_sessions') >> 32) + 1)
        << 32) | $8,
    $1, $2, $2, $3, $4, $5, $6, $7, $9, $10
)
RETURNING id
