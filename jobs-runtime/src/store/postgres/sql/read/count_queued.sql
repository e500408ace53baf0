-- Counts the ready and the blocked executions, each up to $1. Returns the sum.
SELECT
    (SELECT COUNT(*) FROM (SELECT 1 FROM jobs.ready LIMIT $1) AS counted)
    + (SELECT COUNT(*) FROM (SELECT 1 FROM jobs.blocked LIMIT $1) AS counted)
