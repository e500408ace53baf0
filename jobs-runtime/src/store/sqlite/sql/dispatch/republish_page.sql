-- Reads a page of ready executions in the order of the table.
-- $1  the queue, $2 the rank, $3 the seq of the last execution of the page before
-- $4  the most executions
SELECT queue, rank, seq
FROM jobs_ready
WHERE (queue, rank, seq) > ($1, $2, $3)
ORDER BY queue, rank, seq
LIMIT $4
