-- The rate $1 expects its next start at $3, if nobody has taken anything out of it since $2.
UPDATE jobs.limits SET tat = $3 WHERE id = $1 AND tat = $2
