-- Deletes entries that the broker has confirmed, unless they were written again.
-- $1 queues, $2 jobs, $3 ranks, $4 seqs, $5 attempts, $6 versions. An entry that a claim deletes at
-- the same time is skipped: waiting for each other's rows could end in a deadlock.
DELETE FROM jobs.unpublished
WHERE ctid = ANY (ARRAY(
    SELECT p.place
    FROM unnest(
        $1::text[], $2::text[], $3::smallint[], $4::bigint[], $5::integer[], $6::bigint[]
    ) AS e (queue, job_id, rank, seq, attempt, version)
    CROSS JOIN LATERAL (
        SELECT u.ctid AS place
        FROM jobs.unpublished AS u
        WHERE u.queue = e.queue AND u.job_id = e.job_id AND u.rank = e.rank AND u.seq = e.seq
            AND u.attempt = e.attempt AND u.version = e.version
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS p
))
