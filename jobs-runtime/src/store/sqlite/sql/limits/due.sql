-- Up to $2 limits that are to be looked at at $1.
SELECT id FROM jobs_limits WHERE check_at <= $1 ORDER BY check_at LIMIT $2
