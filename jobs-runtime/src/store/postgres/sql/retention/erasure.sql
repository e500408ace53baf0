-- Reads the erasure of the execution $1. Returns its time (NULL if it is not erased) and author.
SELECT erased_at, erased_by FROM jobs.executions WHERE seq = $1
