-- Lists the first executions that wait for a permit of a limit, in the order in which they get it.
-- $1  the key of the limit
-- $2  the most executions
SELECT x.id
FROM (
    SELECT b.seq, b.rank, b.arrived_at
    FROM jobs_limits AS l
    CROSS JOIN jobs_blocked AS b ON b.limit_id = l.id
    WHERE l.key = $1
    ORDER BY b.rank, b.arrived_at, b.seq
    LIMIT $2
) AS w
CROSS JOIN jobs_executions AS x ON x.seq = w.seq
ORDER BY w.rank, w.arrived_at, w.seq
