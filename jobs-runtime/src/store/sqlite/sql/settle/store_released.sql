-- Stores released permits of many limits in one row, to be subtracted later. Does nothing if an
-- execution is blocked: subtract_released.sql then subtracts them at once.
-- $27  JSON array: limit ids, repeated once per permit
INSERT INTO jobs_released_permits (permits)
SELECT $27
WHERE NOT EXISTS (SELECT 1 FROM jobs_blocked);
