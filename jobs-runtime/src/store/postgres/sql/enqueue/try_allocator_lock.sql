-- Locks the permit allocator, if no other transaction holds its lock.
-- Returns no row if the lock is taken; else whether the allocator has no new waiter to look at.
SELECT NOT EXISTS (SELECT 1 FROM jobs.blocked WHERE limit_id = 0)
FROM jobs.allocator_lock
FOR UPDATE SKIP LOCKED
