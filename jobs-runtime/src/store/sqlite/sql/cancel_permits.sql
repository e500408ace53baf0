-- The permits that the waiting execution $1 holds will not be used. Before it goes.
INSERT INTO jobs_permit_events (limit_id, kind, count)
SELECT i.value, 'unused', 1
FROM jobs_limited AS m
CROSS JOIN json_each(m.limits) AS i
CROSS JOIN jobs_executions AS x ON x.seq = m.seq
WHERE m.seq = $1 AND m.limits IS NOT NULL AND i.key < COALESCE(
    (SELECT passed FROM jobs_held WHERE seq = $1),
    (
        SELECT json_array_length(r.limits)
        FROM jobs_ready AS r
        WHERE r.queue = x.queue AND r.rank = 100 - x.priority AND r.seq = x.seq
    ),
    0
);

