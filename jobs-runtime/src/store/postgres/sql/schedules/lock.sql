-- Reads the revision of the schedule $1, and locks the schedule until the transaction ends.
SELECT revision FROM jobs.schedules WHERE name = $1 FOR UPDATE
