-- Counts the executions in front of the execution with the id $1 in its queue, up to $2.
-- No row if it is not ready. Each job of the queue is counted by itself, by its own range of the
-- index.
SELECT (
    WITH RECURSIVE present (job_id) AS (
        SELECT (SELECT MIN(b.job_id) FROM jobs.ready AS b WHERE b.queue = r.queue)
        UNION ALL
        SELECT (
            SELECT MIN(b.job_id) FROM jobs.ready AS b
            WHERE b.queue = r.queue AND b.job_id > present.job_id
        )
        FROM present
        WHERE present.job_id IS NOT NULL
    )
    SELECT COUNT(*)
    FROM (
        SELECT 1
        FROM present AS p
        CROSS JOIN LATERAL (
            SELECT 1
            FROM jobs.ready AS b
            WHERE b.queue = r.queue AND b.job_id = p.job_id
                AND (b.rank::integer, b.seq + 0) < (r.rank, r.seq)
            LIMIT $2
        ) AS before
        LIMIT $2
    ) AS counted
)
FROM jobs.executions AS x
CROSS JOIN LATERAL (
    SELECT b.queue, b.rank, b.seq
    FROM jobs.ready AS b
    WHERE b.rank = 100 - x.priority AND b.seq = x.seq
    LIMIT 1
) AS r
WHERE x.id = $1
