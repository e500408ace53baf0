-- When the next scheduled execution is due.
SELECT MIN(run_at) FROM jobs_scheduled
