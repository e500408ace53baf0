-- Writes the limits with the keys $1: new ones, and other rules for those that exist, which are looked at
-- at once. One that another has brought since the look is not among those that it answers with.
WITH wanted AS MATERIALIZED (
    SELECT *
    FROM unnest($1::text[], $2::text[], $3::smallint[], $4::text[], $5::bigint[], $6::bigint[])
        AS n (key, job_id, stage, kind, count, period_ms)
),
known AS MATERIALIZED (
    SELECT id, key FROM jobs.limits WHERE key = ANY ($1) ORDER BY id FOR NO KEY UPDATE
),
changed AS (
    UPDATE jobs.limits AS l
    SET (stage, kind, count, period_ms, check_at) = (
        SELECT w.stage, w.kind, w.count, w.period_ms, 0 FROM wanted AS w WHERE w.key = l.key
    )
    WHERE l.id = ANY (ARRAY(SELECT k.id FROM known AS k))
    RETURNING l.id, l.key
),
brought AS (
    INSERT INTO jobs.limits (key, job_id, stage, kind, count, period_ms)
    SELECT w.key, w.job_id, w.stage, w.kind, w.count, w.period_ms
    FROM wanted AS w
    WHERE w.key <> ALL (ARRAY(SELECT k.key FROM known AS k))
    ON CONFLICT (key) DO NOTHING
    RETURNING id, key
)
SELECT id, key FROM changed
UNION ALL
SELECT id, key FROM brought
