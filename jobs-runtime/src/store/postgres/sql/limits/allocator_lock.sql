-- There is one doorkeeper at a time.
SELECT 1 FROM jobs.allocator_lock FOR UPDATE
