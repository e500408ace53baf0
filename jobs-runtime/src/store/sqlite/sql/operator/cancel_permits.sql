-- Returns the permits of a waiting execution. Runs before the execution is moved or ended. Limits
-- that cannot be read get no permit back and are no error.
-- $1  the seq of the execution
UPDATE jobs_limits
SET in_use = MAX(in_use - 1, 0),
    check_at = iif(EXISTS (SELECT 1 FROM jobs_blocked AS h WHERE h.limit_id = jobs_limits.id), 0,
        check_at)
WHERE id IN (
    SELECT i.value
    FROM jobs_limited AS m
    CROSS JOIN json_each(iif(json_valid(m.limits), m.limits, NULL)) AS i
    CROSS JOIN jobs_executions AS x ON x.seq = m.seq
    WHERE m.seq = $1 AND i.type = 'integer' AND i.key < COALESCE(
        (SELECT passed FROM jobs_blocked WHERE seq = $1),
        (
            SELECT iif(r.limits IS NULL, 0, json_array_length(m.limits))
            FROM jobs_ready AS r
            WHERE r.queue = x.queue AND r.rank = 100 - x.priority AND r.seq = x.seq
        ),
        0
    )
);

