-- Writes the limits with the keys $1: new ones, and other rules for those that exist, which are looked at
-- at once. One that another has brought since the look is not among those that it answers with.
WITH wanted AS MATERIALIZED (
    SELECT *
    FROM unnest($1::text[], $2::text[], $3::smallint[], $4::text[], $5::bigint[], $6::bigint[])
        AS n (key, job_id, stage, kind, count, period_ms)
),
known AS MATERIALIZED (
    SELECT l.id, w.*
    FROM wanted AS w
    JOIN jobs.limits AS l ON l.key = ANY (ARRAY[w.key])
    ORDER BY l.id
    FOR NO KEY UPDATE OF l
),
changed AS (
    UPDATE jobs.limits AS l
    SET stage = k.stage, kind = k.kind, count = k.count, period_ms = k.period_ms, look_at = 0
    FROM known AS k
    WHERE l.id = ANY (ARRAY[k.id])
    RETURNING l.id, l.key
),
brought AS (
    INSERT INTO jobs.limits (key, job_id, stage, kind, count, period_ms)
    SELECT w.key, w.job_id, w.stage, w.kind, w.count, w.period_ms
    FROM wanted AS w
    WHERE NOT EXISTS (SELECT 1 FROM jobs.limits AS l WHERE l.key = ANY (ARRAY[w.key]))
    ON CONFLICT (key) DO NOTHING
    RETURNING id, key
)
SELECT id, key FROM changed
UNION ALL
SELECT id, key FROM brought
