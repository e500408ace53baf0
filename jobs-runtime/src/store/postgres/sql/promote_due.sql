-- When the next scheduled execution is due.
SELECT run_at FROM jobs.scheduled ORDER BY run_at LIMIT 1
