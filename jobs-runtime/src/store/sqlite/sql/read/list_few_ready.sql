-- How many executions are queued, counted up to twice $1.
SELECT
    (SELECT COUNT(*) FROM (SELECT 1 FROM jobs_ready LIMIT $1))
    + (SELECT COUNT(*) FROM (SELECT 1 FROM jobs_blocked LIMIT $1))
