-- Reads the erasure of an execution.
-- $1  the seq of the execution
-- Returns one row: time (NULL if it is not erased), author.
SELECT erased_at, erased_by FROM jobs_executions WHERE seq = $1
