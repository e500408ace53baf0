-- Gives the turn at the task $1 to the process $2 up to $4, if it has it or may have it at $3.
-- A stored time after $5 counts as past. $6 whether the process waits for the end of the task's
-- rest. Returns a row if the process has the turn.
INSERT INTO jobs.turns AS t (task, holder, until) VALUES ($1, $2, $4)
ON CONFLICT (task) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE t.holder = excluded.holder
    OR t.until <= $3
    OR t.until > $5
    OR (t.holder IS NULL AND NOT $6::boolean)
RETURNING task
