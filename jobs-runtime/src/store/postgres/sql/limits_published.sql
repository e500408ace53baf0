-- Rules of the jobs that a program has published, for limits that exist: the job $1, the kind $2, the count
-- $3 and the period $4. Those that change are looked at at once.
WITH other AS MATERIALIZED (
    SELECT l.id, p.count, p.period_ms
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS p (job_id, kind, count, period_ms)
    JOIN jobs.limits AS l ON l.job_id = ANY (ARRAY[p.job_id]) AND l.kind = p.kind
    WHERE (l.count, l.period_ms) IS DISTINCT FROM (p.count, p.period_ms)
    ORDER BY l.id
    FOR NO KEY UPDATE OF l
)
UPDATE jobs.limits AS l
SET count = o.count, period_ms = o.period_ms, look_at = 0
FROM other AS o
WHERE l.id = ANY (ARRAY[o.id])
