-- Counts the executions ahead of a ready one in its queue.
-- $1  the id of the execution
-- $2  the number at which to stop
-- Returns the number; no row if the execution is not ready.
SELECT (
    SELECT COUNT(*)
    FROM (
        SELECT 1
        FROM jobs_ready AS b
        WHERE b.queue = r.queue AND (b.rank, b.seq) < (r.rank, r.seq)
        LIMIT $2
    )
)
FROM jobs_executions AS x
CROSS JOIN jobs_ready AS r ON r.queue = x.queue AND r.rank = 100 - x.priority AND r.seq = x.seq
WHERE x.id = $1
