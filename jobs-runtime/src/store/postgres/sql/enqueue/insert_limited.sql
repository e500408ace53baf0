-- Second part of an enqueue with limits: inserts the rows of executions just created.
-- $1 seq, $2 rank, $3 queue, $4 job, $5 whether it is due, $6 limits (NULL: none), $7 whether it
-- counts for `max_waiting`, $8 time of admission (NULL: not admitted). $9 limits whose permits were
-- taken, and $10 the numbers of these permits. A due execution with limits that is not admitted is
-- a new waiter.
WITH new AS MATERIALIZED (
    SELECT seq, rank, queue, job_id, due, limits::bigint[] AS limits, capped, admitted_at
    FROM (
        SELECT
            unnest($1::bigint[]) AS seq, unnest($2::smallint[]) AS rank,
            unnest($3::text[]) AS queue,
            unnest($4::text[]) AS job_id, unnest($5::boolean[]) AS due,
            unnest($6::text[]) AS limits,
            unnest($7::boolean[]) AS capped, unnest($8::bigint[]) AS admitted_at
    ) AS n
),
limited_rows AS (
    INSERT INTO jobs.limited (seq, limits, capped)
    SELECT seq, limits, capped FROM new WHERE limits IS NOT NULL OR capped
),
new_waiters AS (
    INSERT INTO jobs.blocked (seq, limit_id, rank, attempt, spent, passed)
    SELECT seq, 0, rank, 1, 0, 0 FROM new WHERE due AND limits IS NOT NULL AND admitted_at IS NULL
),
backlog AS (INSERT INTO jobs.backlog_entries (seq, job_id) SELECT seq, job_id FROM new
    WHERE capped),
in_use AS (
    UPDATE jobs.limits AS l
    SET in_use = l.in_use + n.count
    FROM unnest($9::bigint[], $10::bigint[]) AS n (id, count)
    CROSS JOIN LATERAL (SELECT b.ctid AS place FROM jobs.limits AS b WHERE b.id = n.id LIMIT 1) AS p
    WHERE l.ctid = p.place
)
INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent, limits, admitted_at)
SELECT seq, rank, queue, job_id, 1, 0, limits, admitted_at
FROM new
WHERE due AND (limits IS NULL OR admitted_at IS NOT NULL)
