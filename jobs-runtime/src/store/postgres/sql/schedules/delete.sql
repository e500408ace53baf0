-- Deletes the schedule $1 of the revision $2.
DELETE FROM jobs.schedules WHERE name = $1 AND revision = $2
