-- Removes a waiting execution from the table where it waits.
-- $1  the seq of the execution
DELETE FROM jobs_ready
WHERE (queue, rank, seq) = (SELECT queue, 100 - priority, seq FROM jobs_executions WHERE seq = $1);

DELETE FROM jobs_blocked WHERE seq = $1;

DELETE FROM jobs_scheduled WHERE seq = $1;
