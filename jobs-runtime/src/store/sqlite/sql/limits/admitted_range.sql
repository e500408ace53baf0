-- Finds the range of the index jobs_ready_by_limit.
-- Returns one row: its first and its last stretch, NULL if no ready execution has limits.
SELECT
    (SELECT MIN(seq >> 9) FROM jobs_ready WHERE last_limit IS NOT NULL),
    (SELECT MAX(seq >> 9) FROM jobs_ready WHERE last_limit IS NOT NULL)
