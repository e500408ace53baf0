-- Up to $2 of those that have a permit of the limit $1: running, stuck, ready and not claimed yet, or held at
-- another limit of the same job.
WITH RECURSIVE
    later (id) AS (
        SELECT o.id
        FROM jobs_limits AS k
        CROSS JOIN jobs_limits AS o ON o.job_id = k.job_id AND o.stage > k.stage
        WHERE k.id = $1
    ),
    -- As in door_ready.sql.
    stretches (stretch) AS (
        SELECT MIN(seq >> 9) FROM jobs_ready WHERE last_limit IS NOT NULL
        UNION ALL
        SELECT (
            SELECT MIN(r.seq >> 9) FROM jobs_ready AS r
            WHERE r.last_limit IS NOT NULL AND r.seq >> 9 > stretches.stretch
        )
        FROM stretches
        WHERE stretch IS NOT NULL
    )
SELECT x.id, p.attempt, p.worker, p.stuck
FROM (
    SELECT l.seq, l.attempt, w.worker, 0 AS stuck
    FROM jobs_leases AS l
    LEFT JOIN jobs_sessions AS w ON w.id = IFNULL(l.executed_by, l.session)
    WHERE l.limits IS NOT NULL AND $1 IN (SELECT value FROM json_each(iif(json_valid(l.limits), l.limits, NULL)))
    UNION ALL
    SELECT s.seq, s.attempt, w.worker, 1
    FROM jobs_stuck AS s
    LEFT JOIN jobs_sessions AS w ON w.id = s.session
    WHERE $1 IN (SELECT value FROM json_each(iif(json_valid(s.limits), s.limits, NULL)))
    UNION ALL
    SELECT r.seq, 0, NULL, 0
    FROM stretches AS s
    CROSS JOIN jobs_ready AS r INDEXED BY jobs_ready_by_limit
        ON r.seq >> 9 = s.stretch AND r.last_limit = $1
    UNION ALL
    SELECT r.seq, 0, NULL, 0
    FROM later
    CROSS JOIN stretches AS s
    CROSS JOIN jobs_ready AS r INDEXED BY jobs_ready_by_limit
        ON r.seq >> 9 = s.stretch AND r.last_limit = later.id
    WHERE iif(json_valid(r.limits), r.limits ->> 0 = $1, 0)
    UNION ALL
    SELECT h.seq, 0, NULL, 0
    FROM later
    CROSS JOIN jobs_held AS h ON h.limit_id = later.id
    CROSS JOIN jobs_limited AS m ON m.seq = h.seq
    WHERE iif(json_valid(m.limits), m.limits ->> 0 = $1, 0)
    LIMIT $2
) AS p
CROSS JOIN jobs_executions AS x ON x.seq = p.seq
