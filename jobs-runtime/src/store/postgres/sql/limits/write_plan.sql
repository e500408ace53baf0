-- Writes a plan of the permit allocator.
-- $1 admitted executions, $2 the times before which they do not start. $3 executions that stay
-- blocked, $4 the limits they wait for, $5 the numbers of limits passed, $6 `arrived_at`. $7
-- limits, $8 permits in use, $9 theoretical arrival times, $10 ends of pauses, $11 times of the
-- next check. The caller has locked all of these rows. Each is looked up by its key, which a plan
-- made for empty tables must do as well. Returns the number of admitted executions.
WITH admitted AS (
    DELETE FROM jobs.blocked AS h
    USING unnest($1::bigint[], $2::bigint[]) AS n (seq, admitted_at)
    WHERE h.seq = ANY (ARRAY[n.seq])
    RETURNING h.seq, h.rank, h.attempt, h.spent, n.admitted_at
),
ready AS (
    INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent, limits, admitted_at)
    SELECT e.seq, e.rank, x.queue, x.job_id, e.attempt, e.spent, m.limits, e.admitted_at
    FROM admitted AS e
    CROSS JOIN LATERAL (SELECT b.limits FROM jobs.limited AS b WHERE b.seq = e.seq LIMIT 1) AS m
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[e.seq])
),
still_blocked AS (
    UPDATE jobs.blocked AS h
    SET limit_id = n.limit_id, passed = n.passed, arrived_at = n.arrived_at
    FROM unnest($3::bigint[], $4::bigint[], $5::smallint[], $6::bigint[])
        AS n (seq, limit_id, passed, arrived_at)
    CROSS JOIN LATERAL (SELECT b.ctid AS place FROM jobs.blocked AS b WHERE b.seq = n.seq
        LIMIT 1) AS p
    WHERE h.ctid = p.place
),
limits AS (
    UPDATE jobs.limits AS l
    SET in_use = n.in_use, tat = n.tat, paused_until = n.paused_until, check_at = n.check_at
    FROM unnest($7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])
        AS n (id, in_use, tat, paused_until, check_at)
    CROSS JOIN LATERAL (SELECT b.ctid AS place FROM jobs.limits AS b WHERE b.id = n.id LIMIT 1) AS p
    WHERE l.ctid = p.place
),
waiters AS (
    UPDATE jobs.allocator_lock AS a
    SET has_waiters = w.present
    FROM (
        SELECT cardinality($3) > 0
            OR EXISTS (SELECT 1 FROM jobs.blocked AS b WHERE b.seq <> ALL ($1)) AS present
    ) AS w
    WHERE a.has_waiters <> w.present
)
SELECT COUNT(*) FROM admitted
