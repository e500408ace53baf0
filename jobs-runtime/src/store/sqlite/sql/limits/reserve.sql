-- Stores the theoretical arrival time of the next start of a rate.
-- $1  the limit
-- $2  the time, in microseconds
UPDATE jobs_limits SET tat = $2 WHERE id = $1
