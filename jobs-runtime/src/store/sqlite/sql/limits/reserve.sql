-- Notes when the rate $1 expects its next start.
UPDATE jobs_limits SET tat = $2 WHERE id = $1
