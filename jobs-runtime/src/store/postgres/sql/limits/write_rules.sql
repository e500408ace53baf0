-- Inserts limits and updates the rules of existing ones.
-- $1 key, $2 job, $3 stage, $4 kind, $5 count, $6 period. The allocator checks an updated limit at
-- once. Returns id and key of each. A limit that another transaction has inserted since the lookup
-- is missing.
WITH wanted AS MATERIALIZED (
    SELECT *
    FROM unnest($1::text[], $2::text[], $3::smallint[], $4::text[], $5::bigint[], $6::bigint[])
        AS n (key, job_id, stage, kind, count, period_ms)
),
existing AS MATERIALIZED (
    SELECT id, key FROM jobs.limits WHERE key = ANY ($1) ORDER BY id FOR NO KEY UPDATE
),
changed AS (
    UPDATE jobs.limits AS l
    SET (stage, kind, count, period_ms, check_at, retired_at) = (
        SELECT w.stage, w.kind, w.count, w.period_ms, 0, NULL::bigint
        FROM wanted AS w
        WHERE w.key = l.key
    )
    WHERE l.id = ANY (ARRAY(SELECT k.id FROM existing AS k))
    RETURNING l.id, l.key
),
inserted AS (
    INSERT INTO jobs.limits (key, job_id, stage, kind, count, period_ms)
    SELECT w.key, w.job_id, w.stage, w.kind, w.count, w.period_ms
    FROM wanted AS w
    WHERE w.key <> ALL (ARRAY(SELECT k.key FROM existing AS k))
    ON CONFLICT (key) DO NOTHING
    RETURNING id, key
)
SELECT id, key FROM changed
UNION ALL
SELECT id, key FROM inserted
