-- Writes a plan of the permit allocator.
-- $1 admitted executions, $13 the times before which they do not start. $2 executions that stay
-- blocked, $3 the limits they wait for, $4 the numbers of limits passed, $14 `arrived_at`. $5
-- displaced executions, $6 their ranks, and $7, $8, $15 as $3, $4, $14. $9 limits, $10 permits in
-- use, $11 theoretical arrival times, $12 times of the next check. The caller has locked all of
-- these rows. Each is looked up by its key, which a plan made for empty tables must do as well.
-- Returns the number of admitted executions.
WITH admitted AS (
    DELETE FROM jobs.blocked AS h
    USING unnest($1::bigint[], $13::bigint[]) AS n (seq, admitted_at)
    WHERE h.seq = ANY (ARRAY[n.seq])
    RETURNING h.seq, h.rank, h.attempt, h.spent, n.admitted_at
),
ready AS (
    INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent, limits, last_limit, admitted_at)
    SELECT
        e.seq, e.rank, x.queue, x.job_id, e.attempt, e.spent, m.limits,
        m.limits[cardinality(m.limits)], e.admitted_at
    FROM admitted AS e
    CROSS JOIN LATERAL (SELECT b.limits FROM jobs.limited AS b WHERE b.seq = e.seq LIMIT 1) AS m
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[e.seq])
),
still_blocked AS (
    UPDATE jobs.blocked AS h
    SET limit_id = n.limit_id, passed = n.passed, arrived_at = n.arrived_at
    FROM unnest($2::bigint[], $3::bigint[], $4::smallint[], $14::bigint[])
        AS n (seq, limit_id, passed, arrived_at)
    CROSS JOIN LATERAL (SELECT b.ctid AS place FROM jobs.blocked AS b WHERE b.seq = n.seq LIMIT 1) AS p
    WHERE h.ctid = p.place
),
displaced AS (
    DELETE FROM jobs.ready AS r
    USING unnest($5::bigint[], $6::smallint[], $7::bigint[], $8::smallint[], $15::bigint[])
        AS n (seq, rank, limit_id, passed, arrived_at)
    CROSS JOIN LATERAL (
        SELECT b.ctid AS place FROM jobs.ready AS b WHERE b.rank = n.rank AND b.seq = n.seq LIMIT 1
    ) AS p
    WHERE r.ctid = p.place
    RETURNING r.seq, r.rank, r.attempt, r.spent, n.limit_id, n.passed, n.arrived_at
),
blocked_again AS (
    INSERT INTO jobs.blocked (seq, limit_id, rank, attempt, spent, passed, arrived_at)
    SELECT seq, limit_id, rank, attempt, spent, passed, arrived_at FROM displaced
),
limits AS (
    UPDATE jobs.limits AS l
    SET in_use = n.in_use, tat = n.tat, check_at = n.check_at
    FROM unnest($9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])
        AS n (id, in_use, tat, check_at)
    CROSS JOIN LATERAL (SELECT b.ctid AS place FROM jobs.limits AS b WHERE b.id = n.id LIMIT 1) AS p
    WHERE l.ctid = p.place
)
SELECT COUNT(*) FROM admitted
