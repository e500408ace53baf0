-- Permits of many limits come back, each limit as often in the array $27, and nobody waits for any: that is noted in
-- one row.
INSERT INTO jobs_released_permits (permits)
SELECT $27
WHERE NOT EXISTS (SELECT 1 FROM jobs_blocked);
