-- Rules of the jobs that a program has published, for limits that exist: the job $1, the kind $2, the count
-- $3, the period $4, and the key $5 of the limit that a rule is for if that is but one. Those that change are
-- looked at at once.
WITH other AS MATERIALIZED (
    SELECT l.id, p.count, p.period_ms
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[])
        AS p (job_id, kind, count, period_ms, key)
    JOIN jobs.limits AS l ON l.job_id = ANY (ARRAY[p.job_id]) AND l.kind = p.kind
    WHERE (l.count, l.period_ms) IS DISTINCT FROM (p.count, p.period_ms)
        AND CASE WHEN p.key IS NULL THEN l.key = ANY ($5) IS NOT TRUE ELSE l.key = p.key END
    ORDER BY l.id
    FOR NO KEY UPDATE OF l
)
UPDATE jobs.limits AS l
SET count = o.count, period_ms = o.period_ms, check_at = 0
FROM other AS o
WHERE l.id = ANY (ARRAY[o.id])
