-- Moves the theoretical arrival time of the rate $1 from $2 to $3.
-- Affects no row if another transaction has changed it since it was read.
UPDATE jobs.limits SET tat = $3 WHERE id = $1 AND tat = $2
