-- Lists the first $2 executions that wait for a permit of the limit with the key $1, in the order
-- in which they get it.
SELECT x.id
FROM (
    SELECT b.seq, b.rank, b.arrived_at
    FROM jobs.blocked AS b
    WHERE b.limit_id = (SELECT l.id FROM jobs.limits AS l WHERE l.key = $1)
    ORDER BY b.rank, b.arrived_at, (b.seq + 0)
    LIMIT $2
) AS w
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[w.seq])
ORDER BY w.rank, w.arrived_at, w.seq
