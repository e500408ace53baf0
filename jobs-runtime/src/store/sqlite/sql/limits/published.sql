-- Rules of the jobs that a program has published, for limits that exist: the array $1 has the job, the
-- kind, the count, the period, and the key of the limit that a rule is for if that is but one. A kind that the
-- job does not declare any more holds nobody.
UPDATE jobs_limits
SET count = p.value ->> 2, period_ms = p.value ->> 3, check_at = 0
FROM json_each($1) AS p
WHERE jobs_limits.job_id = p.value ->> 0 AND jobs_limits.kind = p.value ->> 1
    AND p.value ->> 4 IS (
        SELECT k.value ->> 4 FROM json_each($1) AS k WHERE k.value ->> 4 = jobs_limits.key
    )
    AND (jobs_limits.count, jobs_limits.period_ms) IS NOT (p.value ->> 2, p.value ->> 3)
