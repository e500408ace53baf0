-- Finds executions that hold a permit of a limit.
-- These are running, ended with a handler that still runs, ready, or waiting for a later limit of
-- the same job. It reads at most 10,000 ready executions and 10,000 waiters, so it may miss some.
-- $1  the limit
-- $2  the most executions
-- Returns rows: execution id, attempt (0 if not claimed), worker, whether the permit is retained.
SELECT x.id, p.attempt, p.worker, p.stuck
FROM (
    SELECT l.seq, l.attempt, w.worker, 0 AS stuck
    FROM jobs_leases AS l
    LEFT JOIN jobs_sessions AS w ON w.id = IFNULL(l.executed_by, l.session)
    WHERE l.limits IS NOT NULL
        AND $1 IN (SELECT value FROM json_each(iif(json_valid(l.limits), l.limits, NULL)))
    UNION ALL
    SELECT s.seq, s.attempt, w.worker, 1
    FROM jobs_retained_permits AS s
    LEFT JOIN jobs_sessions AS w ON w.id = s.session
    WHERE $1 IN (SELECT value FROM json_each(iif(json_valid(s.limits), s.limits, NULL)))
    UNION ALL
    SELECT n.seq, 0, NULL, 0
    FROM (SELECT seq, limits FROM jobs_ready LIMIT 10000) AS n
    WHERE n.limits IS NOT NULL
        AND $1 IN (SELECT value FROM json_each(iif(json_valid(n.limits), n.limits, NULL)))
    UNION ALL
    SELECT n.seq, 0, NULL, 0
    FROM (
        SELECT h.seq
        FROM (
            SELECT o.id
            FROM jobs_limits AS k
            CROSS JOIN jobs_limits AS o ON o.job_id = k.job_id AND o.stage > k.stage
            WHERE k.id = $1
            LIMIT 100
        ) AS later
        CROSS JOIN jobs_blocked AS h ON h.limit_id = later.id
        LIMIT 10000
    ) AS n
    CROSS JOIN jobs_limited AS m ON m.seq = n.seq
    WHERE iif(json_valid(m.limits), m.limits ->> 0 = $1, 0)
    LIMIT $2
) AS p
CROSS JOIN jobs_executions AS x ON x.seq = p.seq
