-- Up to $2 limits that are to be looked at at $1.
SELECT id FROM jobs_limits WHERE look_at <= $1 ORDER BY look_at LIMIT $2
