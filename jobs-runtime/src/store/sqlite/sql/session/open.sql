-- Opens a session.
-- $1  the worker
-- $2  the present time
-- $3  JSON array: ids of the jobs that it claims
-- $4  JSON array: queues that it claims from; empty for every queue
-- $5  JSON array: labels
-- $6  JSON array: slot caps
-- $7  the lease, in milliseconds
-- $8  the nonce of the id, of 32 bits
-- $9  JSON array: fingerprints of the jobs
-- Returns its id, which is never used again.
INSERT INTO jobs_sessions (
    id, worker, opened_at, renewed_at, job_ids, queues, labels, slot_caps, lease_ms,
    fingerprints
)
VALUES (
    ((((SELECT IFNULL(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'jobs_sessions') >> 32) + 1)
        << 32) | $8,
    $1, $2, $2, $3, $4, $5, $6, $7, $9
)
RETURNING id
