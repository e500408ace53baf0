-- Locks the backlog counts of the jobs $1 until the end of the transaction.
SELECT pg_advisory_xact_lock(hashtextextended('jobs.backlog_entries of ' || n.job_id, 0))
FROM unnest($1::text[]) AS n (job_id)
