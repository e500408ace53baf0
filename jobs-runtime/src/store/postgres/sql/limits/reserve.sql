-- Moves the theoretical arrival time of the rate $1 from $2 to $4.
-- Affects no row if another transaction has changed it, or the pause $3, since they were read.
UPDATE jobs.limits SET tat = $4 WHERE id = $1 AND tat = $2 AND paused_until = $3
