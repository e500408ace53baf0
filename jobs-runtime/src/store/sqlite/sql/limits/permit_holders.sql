-- Finds executions that hold a permit of a limit: running ones, ended ones whose handler still
-- runs, ready ones, and waiters of a later limit of the same job. Reads at most 10,000 rows of each
-- of the last two kinds, so it may miss some.
-- $1  the limit
-- $2  the most executions
-- Returns rows: execution id, attempt (0 if not claimed), worker, whether the permit is retained.
WITH RECURSIVE
    later (id) AS MATERIALIZED (
        SELECT o.id
        FROM jobs_limits AS k
        CROSS JOIN jobs_limits AS o ON o.job_id = k.job_id AND o.stage > k.stage
        WHERE k.id = $1
        LIMIT 100
    ),
    reach (first, last) AS MATERIALIZED (
        SELECT reach_first >> 9, reach_last >> 9 FROM jobs_limits WHERE id = $1
    ),
    -- Jumps from stretch to stretch of the index, as in read_admitted.sql.
    step (stretch) AS (
        SELECT (
            SELECT MIN(r.seq >> 9) FROM jobs_ready AS r
            WHERE r.last_limit IS NOT NULL AND r.seq >> 9 BETWEEN a.first AND a.last
        )
        FROM reach AS a
        UNION ALL
        SELECT (
            SELECT MIN(r.seq >> 9) FROM jobs_ready AS r
            WHERE r.last_limit IS NOT NULL AND r.seq >> 9 > s.stretch AND r.seq >> 9 <= a.last
        )
        FROM step AS s
        CROSS JOIN reach AS a
        WHERE s.stretch IS NOT NULL
    )
SELECT x.id, p.attempt, p.worker, p.stuck
FROM (
    SELECT l.seq, l.attempt, w.worker, 0 AS stuck
    FROM jobs_leases AS l
    LEFT JOIN jobs_sessions AS w ON w.id = IFNULL(l.executed_by, l.session)
    WHERE l.limits IS NOT NULL AND $1 IN (SELECT value FROM json_each(iif(json_valid(l.limits), l.limits, NULL)))
    UNION ALL
    SELECT s.seq, s.attempt, w.worker, 1
    FROM jobs_retained_permits AS s
    LEFT JOIN jobs_sessions AS w ON w.id = s.session
    WHERE $1 IN (SELECT value FROM json_each(iif(json_valid(s.limits), s.limits, NULL)))
    UNION ALL
    SELECT r.seq, 0, NULL, 0
    FROM step AS s
    CROSS JOIN jobs_ready AS r INDEXED BY jobs_ready_by_limit
        ON r.seq >> 9 = s.stretch AND r.last_limit = $1
    UNION ALL
    SELECT n.seq, 0, NULL, 0
    FROM (
        SELECT r.seq, r.limits
        FROM reach AS a
        CROSS JOIN jobs_ready AS r INDEXED BY jobs_ready_by_limit ON r.seq >> 9 BETWEEN a.first AND a.last
        WHERE r.last_limit IS NOT NULL AND EXISTS (SELECT 1 FROM later)
        LIMIT 10000
    ) AS n
    WHERE iif(json_valid(n.limits), n.limits ->> 0 = $1 AND json_array_length(n.limits) > 1, 0)
    UNION ALL
    SELECT n.seq, 0, NULL, 0
    FROM (
        SELECT h.seq
        FROM later
        CROSS JOIN jobs_blocked AS h ON h.limit_id = later.id
        LIMIT 10000
    ) AS n
    CROSS JOIN jobs_limited AS m ON m.seq = n.seq
    WHERE iif(json_valid(m.limits), m.limits ->> 0 = $1, 0)
    LIMIT $2
) AS p
CROSS JOIN jobs_executions AS x ON x.seq = p.seq
