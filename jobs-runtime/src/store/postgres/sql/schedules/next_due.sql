-- The time at which the first schedule after the time $1 is due.
SELECT MIN(due_at) FROM jobs.schedules WHERE due_at > $1
