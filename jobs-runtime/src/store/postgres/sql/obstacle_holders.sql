-- Up to $2 of those that have a permit of the limit $1: running, stuck, or ready and not claimed yet.
SELECT x.id, p.attempt, w.worker, p.stuck
FROM (
    SELECT l.seq, l.attempt, COALESCE(l.executed_by, l.session) AS executor, FALSE AS stuck
    FROM jobs.leases AS l
    WHERE $1 = ANY (l.limits)
    UNION ALL
    SELECT s.seq, s.attempt, s.session, TRUE
    FROM jobs.stuck AS s
    WHERE $1 = ANY (s.limits)
    UNION ALL
    (SELECT r.seq, 0, NULL, FALSE FROM jobs.ready AS r WHERE r.last_limit = $1 LIMIT $2)
    LIMIT $2
) AS p
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[p.seq])
LEFT JOIN jobs.sessions AS w ON w.id = ANY (ARRAY[p.executor])
