-- Locks the permit allocator: one runs at a time in the whole fleet.
SELECT 1 FROM jobs.allocator_lock FOR UPDATE
