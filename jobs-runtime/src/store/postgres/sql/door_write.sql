-- What the doorkeeper has decided: who is let in ($1), and from when on it may start ($13); who waits where from
-- now on ($2 the execution, $3 the limit, $4 the limits passed, $14 the turn); who was ready and is held again ($5
-- the execution and $6 its rank, $7, $8 and $15 likewise); and the limits $9, as they are now ($10 permits, $11
-- next start, $12 when to look). All of these rows are locked, and each is reached by its key: a plan made while
-- nobody was held knows no other way.
WITH entering AS (
    DELETE FROM jobs.held AS h
    USING unnest($1::bigint[], $13::bigint[]) AS n (seq, let_in_at)
    WHERE h.seq = ANY (ARRAY[n.seq])
    RETURNING h.seq, h.rank, h.attempt, h.spent, n.let_in_at
),
ready AS (
    INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent, limits, last_limit, let_in_at)
    SELECT
        e.seq, e.rank, x.queue, x.job_id, e.attempt, e.spent, m.limits,
        m.limits[cardinality(m.limits)], e.let_in_at
    FROM entering AS e
    CROSS JOIN LATERAL (SELECT b.limits FROM jobs.limited AS b WHERE b.seq = e.seq LIMIT 1) AS m
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[e.seq])
),
moved AS (
    UPDATE jobs.held AS h
    SET limit_id = n.limit_id, passed = n.passed, turn = n.turn
    FROM unnest($2::bigint[], $3::bigint[], $4::smallint[], $14::bigint[])
        AS n (seq, limit_id, passed, turn)
    CROSS JOIN LATERAL (SELECT b.ctid AS place FROM jobs.held AS b WHERE b.seq = n.seq LIMIT 1) AS p
    WHERE h.ctid = p.place
),
displaced AS (
    DELETE FROM jobs.ready AS r
    USING unnest($5::bigint[], $6::smallint[], $7::bigint[], $8::smallint[], $15::bigint[])
        AS n (seq, rank, limit_id, passed, turn)
    CROSS JOIN LATERAL (
        SELECT b.ctid AS place FROM jobs.ready AS b WHERE b.rank = n.rank AND b.seq = n.seq LIMIT 1
    ) AS p
    WHERE r.ctid = p.place
    RETURNING r.seq, r.rank, r.attempt, r.spent, n.limit_id, n.passed, n.turn
),
held AS (
    INSERT INTO jobs.held (seq, limit_id, rank, attempt, spent, passed, turn)
    SELECT seq, limit_id, rank, attempt, spent, passed, turn FROM displaced
),
limits AS (
    UPDATE jobs.limits AS l
    SET granted = n.granted, arrival = n.arrival, look_at = n.look_at
    FROM unnest($9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])
        AS n (id, granted, arrival, look_at)
    CROSS JOIN LATERAL (SELECT b.ctid AS place FROM jobs.limits AS b WHERE b.id = n.id LIMIT 1) AS p
    WHERE l.ctid = p.place
)
SELECT COUNT(*) FROM entering
