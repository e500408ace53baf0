-- How many executions are queued, counted up to twice $1.
SELECT
    (SELECT COUNT(*) FROM (SELECT 1 FROM jobs.ready LIMIT $1) AS counted)
    + (SELECT COUNT(*) FROM (SELECT 1 FROM jobs.blocked LIMIT $1) AS counted)
