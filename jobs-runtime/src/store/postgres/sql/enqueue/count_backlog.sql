-- Counts the waiting executions of each job in $1, up to the number at the same place in $2.
-- Returns job and count.
SELECT n.job_id, (
    SELECT COUNT(*)
    FROM (SELECT 1 FROM jobs.backlog_entries AS w WHERE w.job_id = n.job_id LIMIT n.most) AS counted
)
FROM unnest($1::text[], $2::bigint[]) AS n (job_id, most)
