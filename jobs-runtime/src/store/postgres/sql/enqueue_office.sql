-- There is one doorkeeper at a time: a row if there is none, and whether nobody stands at the door.
SELECT NOT EXISTS (SELECT 1 FROM jobs.held WHERE limit_id = 0)
FROM jobs.door
FOR UPDATE SKIP LOCKED
