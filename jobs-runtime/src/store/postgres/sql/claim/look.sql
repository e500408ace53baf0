-- Looks whether a claim may lease something. Nothing is locked.
-- $1 session, $2 claim number, $3 jobs, $4 queues (NULL: all), $5 excluded queues. Returns no row
-- if the session is closed; else whether the claim is a repetition, or an execution of these jobs
-- is ready in a queue that is not paused. Groups are found as in `by_group.sql`.
WITH RECURSIVE present (queue, job_id) AS (
    (SELECT queue, job_id FROM jobs.ready ORDER BY queue, job_id LIMIT 1)
    UNION ALL
    SELECT n.queue, n.job_id
    FROM present AS p
    CROSS JOIN LATERAL (
        SELECT r.queue, r.job_id
        FROM jobs.ready AS r
        WHERE (r.queue, r.job_id) > (p.queue, p.job_id)
        ORDER BY r.queue, r.job_id
        LIMIT 1
    ) AS n
)
SELECT s.last_claim >= $2 OR EXISTS (
    SELECT 1
    FROM present AS p
    WHERE p.job_id = ANY ($3) AND ($4::text[] IS NULL OR p.queue = ANY ($4))
        AND p.queue <> ALL ($5)
        AND p.queue <> ALL (ARRAY(SELECT o.queue FROM jobs.paused_queues AS o))
)
FROM jobs.sessions AS s
WHERE s.id = $1 AND s.closed_at IS NULL
