-- How many executions stand before $1 in its queue, counted up to $2; no row if it is not ready.
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
