-- The limits of executions from number $1 to $2, in the order in which they are passed.
SELECT m.seq, l.kind, l.count, l.period_ms, l.key, l.job_id
FROM jobs_limited AS m
CROSS JOIN json_each(iif(json_valid(m.limits), m.limits, NULL)) AS i
CROSS JOIN jobs_limits AS l ON l.id = i.value
WHERE m.seq BETWEEN $1 AND $2
ORDER BY m.seq, i.key
