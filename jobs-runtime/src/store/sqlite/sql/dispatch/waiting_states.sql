-- Reads where executions wait: 'ready', 'paused' or 'not ready'. Others are left out.
-- $1  JSON array: the ids of the executions (hex)
SELECT
    x.id, x.job_id, x.queue,
    CASE
        WHEN r.seq IS NULL THEN 'not ready'
        WHEN EXISTS (SELECT 1 FROM jobs_paused_queues AS p WHERE p.queue = x.queue) THEN 'paused'
        ELSE 'ready'
    END
FROM json_each($1) AS e
CROSS JOIN jobs_executions AS x ON x.id = unhex(e.value)
LEFT JOIN jobs_ready AS r ON r.queue = x.queue AND r.rank = 100 - x.priority AND r.seq = x.seq
WHERE r.seq IS NOT NULL
    OR EXISTS (SELECT 1 FROM jobs_scheduled AS s WHERE s.seq = x.seq)
    OR EXISTS (SELECT 1 FROM jobs_blocked AS b WHERE b.seq = x.seq)
