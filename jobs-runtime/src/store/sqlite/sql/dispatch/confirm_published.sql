-- Deletes entries that the broker has confirmed, unless they were written again.
-- $1  JSON array: [queue, job, rank, seq, attempt, version]
DELETE FROM jobs_unpublished
WHERE (queue, job_id, rank, seq) IN (
    SELECT u.queue, u.job_id, u.rank, u.seq
    FROM json_each($1) AS e
    CROSS JOIN jobs_unpublished AS u
        ON u.queue = e.value ->> 0 AND u.job_id = e.value ->> 1 AND u.rank = e.value ->> 2
        AND u.seq = e.value ->> 3
    WHERE u.attempt = e.value ->> 4 AND u.version = e.value ->> 5
)
