-- Merges payloads and due times into waiting executions.
-- $1 ids, $2 new payloads, $3 new due times, $4 new times of expiry (NULL: keep). With a due time,
-- the execution must be scheduled; with NULL, it must be ready, blocked or scheduled. Returns the
-- number of executions found: the others have been claimed since the lookup. A ready row is deleted
-- and inserted again, so that a claim that has already begun does not lease it with the old
-- payload.
WITH targets AS MATERIALIZED (
    SELECT x.seq, 100 - x.priority AS rank, n.payload, n.run_at, n.expires_at
    FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[])
        AS n (id, payload, run_at, expires_at)
    JOIN jobs.executions AS x ON x.id = ANY (ARRAY[n.id])
),
ready AS (
    DELETE FROM jobs.ready AS r
    USING targets AS n
    CROSS JOIN LATERAL (
        SELECT b.ctid AS place
        FROM jobs.ready AS b
        WHERE b.rank = n.rank AND b.seq = n.seq
        LIMIT 1
    ) AS p
    WHERE n.run_at IS NULL AND r.ctid = p.place
    RETURNING r.*
),
ready_again AS (
    INSERT INTO jobs.ready (rank, seq, attempt, spent, queue, job_id, limits, admitted_at)
    SELECT rank, seq, attempt, spent, queue, job_id, limits, admitted_at FROM ready
    RETURNING seq
),
blocked AS MATERIALIZED (
    SELECT h.seq
    FROM targets AS n
    CROSS JOIN LATERAL (
        SELECT b.seq FROM jobs.blocked AS b WHERE b.seq = n.seq LIMIT 1 FOR UPDATE
    ) AS h
    WHERE n.run_at IS NULL
),
scheduled AS MATERIALIZED (
    SELECT s.seq
    FROM targets AS n
    CROSS JOIN LATERAL (
        SELECT b.seq FROM jobs.scheduled AS b WHERE b.seq = n.seq LIMIT 1 FOR UPDATE
    ) AS s
    WHERE n.run_at IS NULL
),
delayed AS (
    DELETE FROM jobs.scheduled AS s
    USING targets AS n
    CROSS JOIN LATERAL (
        SELECT b.ctid AS place FROM jobs.scheduled AS b WHERE b.seq = n.seq LIMIT 1
    ) AS p
    WHERE n.run_at IS NOT NULL AND s.ctid = p.place
    RETURNING s.seq, n.run_at, s.attempt, s.spent
),
delayed_again AS (
    INSERT INTO jobs.scheduled (seq, run_at, attempt, spent)
    SELECT seq, run_at, attempt, spent FROM delayed
    RETURNING seq
),
reached AS MATERIALIZED (
    SELECT seq FROM ready_again
    UNION ALL
    SELECT seq FROM blocked
    UNION ALL
    SELECT seq FROM scheduled
    UNION ALL
    SELECT seq FROM delayed_again
),
expirations AS (
    UPDATE jobs.expirations AS e
    SET expires_at = n.expires_at
    FROM targets AS n
    WHERE e.seq = ANY (ARRAY[n.seq]) AND n.expires_at IS NOT NULL
),
updated AS (
    UPDATE jobs.executions AS x
    SET payload = n.payload, run_at = COALESCE(n.run_at, x.run_at)
    FROM targets AS n
    WHERE x.seq = ANY (ARRAY[n.seq])
)
SELECT COUNT(*) FROM reached
