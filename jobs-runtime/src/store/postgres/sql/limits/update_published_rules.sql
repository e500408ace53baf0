-- Updates the rules of existing limits after a publication.
-- $1 job, $2 kind, $3 count, $4 period, $5 key of the only limit that the rule is for, or NULL. The
-- allocator checks a changed limit at once. The number of affected rows tells how many have
-- changed.
WITH changed AS MATERIALIZED (
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
FROM changed AS o
WHERE l.id = ANY (ARRAY[o.id])
