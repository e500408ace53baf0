-- How many executions of each of the jobs $1 wait, counted up to $2.
SELECT n.job_id, (
    SELECT COUNT(*)
    FROM (SELECT 1 FROM jobs.backlog_entries AS w WHERE w.job_id = n.job_id LIMIT n.most) AS counted
)
FROM unnest($1::text[], $2::bigint[]) AS n (job_id, most)
