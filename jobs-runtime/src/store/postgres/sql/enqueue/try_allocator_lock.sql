-- There is one doorkeeper at a time: a row if there is none, and whether nobody stands at the door.
SELECT NOT EXISTS (SELECT 1 FROM jobs.blocked WHERE limit_id = 0)
FROM jobs.allocator_lock
FOR UPDATE SKIP LOCKED
