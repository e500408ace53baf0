-- Lists up to $2 executions that hold a permit of the limit $1.
-- These are running, ended with a handler that still runs (`stuck`), ready, or blocked at a later
-- limit of the same job. Of the later limits 100, and of each of these 1,000 executions are
-- examined. Returns id, attempt (0 if none runs), worker and `stuck`.
WITH later AS MATERIALIZED (
    SELECT o.id
    FROM jobs.limits AS l
    JOIN jobs.limits AS o ON o.job_id = ANY (ARRAY[l.job_id]) AND o.stage > l.stage
    WHERE l.id = $1
    LIMIT 100
)
SELECT x.id, p.attempt, w.worker, p.stuck
FROM (
    SELECT l.seq, l.attempt, COALESCE(l.executed_by, l.session) AS executor, FALSE AS stuck
    FROM jobs.leases AS l
    WHERE $1 = ANY (l.limits)
    UNION ALL
    SELECT s.seq, s.attempt, s.session, TRUE
    FROM jobs.retained_permits AS s
    WHERE $1 = ANY (s.limits)
    UNION ALL
    (SELECT r.seq, 0, NULL, FALSE FROM jobs.ready AS r WHERE r.last_limit = $1 LIMIT $2)
    UNION ALL
    SELECT r.seq, 0, NULL, FALSE
    FROM later
    CROSS JOIN LATERAL (
        SELECT b.seq, b.limits FROM jobs.ready AS b WHERE b.last_limit = later.id LIMIT 1000
    ) AS r
    WHERE r.limits[1] = $1
    UNION ALL
    SELECT h.seq, 0, NULL, FALSE
    FROM later
    CROSS JOIN LATERAL (
        SELECT b.seq FROM jobs.blocked AS b WHERE b.limit_id = later.id LIMIT 1000
    ) AS h
    JOIN jobs.limited AS m ON m.seq = ANY (ARRAY[h.seq])
    WHERE m.limits[1] = $1
    LIMIT $2
) AS p
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[p.seq])
LEFT JOIN jobs.sessions AS w ON w.id = ANY (ARRAY[p.executor])
