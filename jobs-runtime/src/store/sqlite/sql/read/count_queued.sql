-- Counts the queued executions: the ready ones up to $1, and the blocked ones up to $1.
-- $1  the number at which to stop
SELECT
    (SELECT COUNT(*) FROM (SELECT 1 FROM jobs_ready LIMIT $1))
    + (SELECT COUNT(*) FROM (SELECT 1 FROM jobs_blocked LIMIT $1))
