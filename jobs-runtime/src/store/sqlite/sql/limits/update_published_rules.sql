-- Gives existing limits of published jobs the rules of the publication. The allocator looks at the
-- changed ones next.
-- $1  JSON array: [job, kind, count, period, key of the only limit that the rule is for or NULL,
--     interval]
UPDATE jobs_limits
SET count = p.value ->> 2, period_ms = p.value ->> 3, interval_us = p.value ->> 5, check_at = 0
FROM json_each($1) AS p
WHERE jobs_limits.job_id = p.value ->> 0 AND jobs_limits.kind = p.value ->> 1
    AND p.value ->> 4 IS (
        SELECT k.value ->> 4 FROM json_each($1) AS k WHERE k.value ->> 4 = jobs_limits.key
    )
    AND (jobs_limits.count, jobs_limits.period_ms) IS NOT (p.value ->> 2, p.value ->> 3)
