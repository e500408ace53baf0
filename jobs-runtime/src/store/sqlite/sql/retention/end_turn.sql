-- Ends the turn of a process at a task.
-- $1  the task
-- $2  the process
-- $3  the end of the task's rest
UPDATE jobs_turns SET holder = NULL, until = $3 WHERE task = $1 AND holder = $2
