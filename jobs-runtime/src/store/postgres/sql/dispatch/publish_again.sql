-- Writes an entry for each of the executions $1 that is ready. A relay publishes it from $2 on.
-- The lock keeps a claim from taking the execution meanwhile: the entry would outlive it.
WITH targets AS MATERIALIZED (
    SELECT r.queue, r.job_id, r.rank, r.seq, r.attempt
    FROM jobs.executions AS x
    JOIN jobs.ready AS r ON r.rank = ANY (ARRAY[100 - x.priority]) AND r.seq = ANY (ARRAY[x.seq])
    WHERE x.id = ANY ($1::uuid[])
    ORDER BY r.rank, r.seq
    FOR UPDATE OF r SKIP LOCKED
)
INSERT INTO jobs.unpublished AS u (queue, job_id, rank, seq, attempt, publish_at)
SELECT queue, job_id, rank, seq, attempt, $2::bigint FROM targets
ON CONFLICT (queue, job_id, rank, seq) DO UPDATE
    SET attempt = excluded.attempt, version = u.version + 1, publish_at = excluded.publish_at
