-- Until the end of the transaction nobody else counts what waits of the jobs $1.
SELECT pg_advisory_xact_lock(hashtextextended('jobs.backlog_entries of ' || n.job_id, 0))
FROM unnest($1::text[]) AS n (job_id)
