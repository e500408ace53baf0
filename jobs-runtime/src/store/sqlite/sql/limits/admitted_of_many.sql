-- As door_ready.sql, by a look at everybody who is ready by a permit between the stretches $2 and $3, and also of those
-- before the place: for many limits, in many stretches.
SELECT last_limit, seq, rank, limits, IFNULL(admitted_at, 0)
FROM jobs_ready INDEXED BY jobs_ready_by_limit
WHERE last_limit IS NOT NULL AND seq >> 9 BETWEEN $2 AND $3
    AND last_limit IN (SELECT value ->> 0 FROM json_each($1))
ORDER BY rank DESC, seq DESC
