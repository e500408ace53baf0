-- Deletes the runs of the schedule $1.
DELETE FROM jobs_schedule_runs WHERE schedule = $1
