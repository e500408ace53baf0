-- Tells whether the allocator has to look at a limit at once: permits came back for its waiters.
-- Returns one row with 'allocator_wanted', or none.
SELECT 'allocator_wanted', 1
WHERE EXISTS (SELECT 1 FROM jobs_limits WHERE check_at <= 0);
