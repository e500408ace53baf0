-- Reads where the executions $1 wait: 'ready', 'paused' or 'not ready'. Others are left out.
SELECT
    x.id, x.job_id, x.queue,
    CASE
        WHEN r.seq IS NULL THEN 'not ready'
        WHEN EXISTS (SELECT 1 FROM jobs.paused_queues AS p WHERE p.queue = x.queue) THEN 'paused'
        ELSE 'ready'
    END
FROM jobs.executions AS x
LEFT JOIN LATERAL (
    SELECT b.seq
    FROM jobs.ready AS b
    WHERE b.rank = 100 - x.priority AND b.seq = x.seq
    LIMIT 1
) AS r ON TRUE
WHERE x.id = ANY ($1)
    AND (
        r.seq IS NOT NULL
        OR EXISTS (SELECT 1 FROM jobs.scheduled AS s WHERE s.seq = ANY (ARRAY[x.seq]))
        OR EXISTS (SELECT 1 FROM jobs.blocked AS b WHERE b.seq = ANY (ARRAY[x.seq]))
    )
