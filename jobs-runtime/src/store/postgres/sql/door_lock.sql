-- There is one doorkeeper at a time.
SELECT 1 FROM jobs.door FOR UPDATE
