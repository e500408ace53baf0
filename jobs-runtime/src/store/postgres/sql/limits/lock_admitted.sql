-- Locks admitted executions that preemption may displace, last in the order of claims first.
-- $1 limits, $2 most executions of each, behind the rank $3 and the seq $4. An execution that a
-- claim has locked is skipped. Returns limit, seq, rank, limits and time of admission. The row
-- comparison in the order of the index has the reason that `by_group.sql` gives.
SELECT w.id, r.seq, r.rank, r.limits, COALESCE(r.admitted_at, 0)
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
    WITH ORDINALITY AS w (id, most, rank, seq, place)
CROSS JOIN LATERAL (
    SELECT b.seq, b.rank, b.limits, b.admitted_at
    FROM jobs.ready AS b
    WHERE (b.last_limit, b.rank, b.seq) > (w.id, w.rank, w.seq) AND b.last_limit <= w.id
    ORDER BY b.last_limit DESC, b.rank DESC, b.seq DESC
    LIMIT w.most
    FOR UPDATE SKIP LOCKED
) AS r
ORDER BY w.place, r.rank DESC, r.seq DESC
