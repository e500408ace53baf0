-- Tells whether the allocator has to run: a limit is due at once, there are permit events and
-- blocked executions, or 64 rows of released permits have accumulated.
-- Returns one to three rows with 'allocator_wanted', or none.
SELECT 'allocator_wanted', 1
WHERE EXISTS (SELECT 1 FROM jobs_limits WHERE check_at <= 0)
UNION ALL
SELECT 'allocator_wanted', 1
WHERE EXISTS (SELECT 1 FROM jobs_blocked) AND EXISTS (SELECT 1 FROM jobs_permit_events)
UNION ALL
SELECT 'allocator_wanted', 1
WHERE (SELECT MAX(id) FROM jobs_released_permits) >= 64;
