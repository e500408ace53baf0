-- Ends the turn of the process $2 at the task $1, which then rests until $3.
UPDATE jobs.turns SET holder = NULL, until = $3 WHERE task = $1 AND holder = $2
