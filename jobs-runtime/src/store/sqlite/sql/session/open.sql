-- Opens a session.
-- $1  the worker
-- $2  the present time
-- $3  JSON array: ids of the jobs that it claims
-- $4  JSON array: queues that it claims from; empty for every queue
-- $5  JSON array: labels
-- $6  JSON array: slot caps
-- Returns its id, which is never used again.
INSERT INTO jobs_sessions (worker, opened_at, renewed_at, job_ids, queues, labels, slot_caps)
VALUES ($1, $2, $2, $3, $4, $5, $6)
RETURNING id
