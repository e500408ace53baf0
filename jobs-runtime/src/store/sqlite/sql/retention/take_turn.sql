-- Gives the turn at a task to a process, if it has it or may have it.
-- $1  the task
-- $2  the process
-- $3  the present time
-- $4  the end of the turn
-- $5  a stored time after this one counts as past
-- $6  whether the process waits for the end of the task's rest
-- Returns a row if the process has the turn.
INSERT INTO jobs_turns (task, holder, until) VALUES ($1, $2, $4)
ON CONFLICT (task) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE jobs_turns.holder = excluded.holder
    OR jobs_turns.until <= $3
    OR jobs_turns.until > $5
    OR (jobs_turns.holder IS NULL AND NOT $6)
RETURNING task
