-- Puts the executions just created where they belong: number $1, rank $2, queue $3 and job $4, whether
-- it is due ($5), the limits of those that have any ($6), whether it is counted among those that wait ($7),
-- and since when it has permits already ($8, NULL if it has none), which are counted by the limits $9 in $10. What has limits and no
-- permits stands at the door.
WITH new AS MATERIALIZED (
    SELECT seq, rank, queue, job_id, due, limits::bigint[] AS limits, capped, admitted_at
    FROM (
        SELECT
            unnest($1::bigint[]) AS seq, unnest($2::smallint[]) AS rank, unnest($3::text[]) AS queue,
            unnest($4::text[]) AS job_id, unnest($5::boolean[]) AS due, unnest($6::text[]) AS limits,
            unnest($7::boolean[]) AS capped, unnest($8::bigint[]) AS admitted_at
    ) AS n
),
ruled AS (
    INSERT INTO jobs.limited (seq, limits, capped)
    SELECT seq, limits, capped FROM new WHERE limits IS NOT NULL OR capped
),
knocking AS (
    INSERT INTO jobs.blocked (seq, limit_id, rank, attempt, spent, passed)
    SELECT seq, 0, rank, 1, 0, 0 FROM new WHERE due AND limits IS NOT NULL AND admitted_at IS NULL
),
counted AS (INSERT INTO jobs.backlog_entries (seq, job_id) SELECT seq, job_id FROM new WHERE capped),
in_use AS (
    UPDATE jobs.limits AS l
    SET in_use = l.in_use + n.count
    FROM unnest($9::bigint[], $10::bigint[]) AS n (id, count)
    CROSS JOIN LATERAL (SELECT b.ctid AS place FROM jobs.limits AS b WHERE b.id = n.id LIMIT 1) AS p
    WHERE l.ctid = p.place
)
INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent, limits, last_limit, admitted_at)
SELECT seq, rank, queue, job_id, 1, 0, limits, limits[cardinality(limits)], admitted_at
FROM new
WHERE due AND (limits IS NULL OR admitted_at IS NOT NULL)
