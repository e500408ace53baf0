-- Reads the revision of the schedule $1.
SELECT revision FROM jobs_schedules WHERE name = $1
