-- Writes an entry for each of the executions $1 that is ready. A relay publishes it from $2 on.
-- The lock keeps a claim from taking the execution meanwhile: the entry would outlive it.
WITH targets AS MATERIALIZED (
    SELECT h.queue, h.job_id, h.rank, h.seq, h.attempt
    FROM jobs.executions AS x
    CROSS JOIN LATERAL (
        SELECT r.queue, r.job_id, r.rank, r.seq, r.attempt
        FROM jobs.ready AS r
        WHERE r.rank = 100 - x.priority AND r.seq = x.seq
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS h
    WHERE x.id = ANY ($1::uuid[])
)
INSERT INTO jobs.unpublished AS u (queue, job_id, rank, seq, attempt, publish_at)
SELECT queue, job_id, rank, seq, attempt, $2::bigint FROM targets
ON CONFLICT (queue, job_id, rank, seq) DO UPDATE
    SET attempt = excluded.attempt, version = u.version + 1, publish_at = excluded.publish_at
