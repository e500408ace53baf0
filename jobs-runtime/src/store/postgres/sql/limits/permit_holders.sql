-- Lists up to $2 executions that hold a permit of the limit $1.
-- These are running, ended with a handler that still runs (`stuck`), ready, or blocked at a later
-- limit of the same job. At most 10,000 ready executions are examined, and 1,000 blocked ones at
-- each of at most 100 later limits. Returns id, attempt (0 if none runs), worker and `stuck`.
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
    SELECT r.seq, 0, NULL, FALSE
    FROM (
        SELECT b.seq, b.limits
        FROM jobs.ready AS b
        WHERE b.limits IS NOT NULL
        ORDER BY b.rank::integer, b.seq
        LIMIT 10000
    ) AS r
    WHERE $1 = ANY (r.limits)
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
