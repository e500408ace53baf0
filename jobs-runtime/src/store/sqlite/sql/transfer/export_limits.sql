-- Reads the limits of executions, in the order of their stages.
-- $1  JSON array: seqs of the executions
SELECT m.seq, l.kind, l.count, l.period_ms, l.key, l.job_id
FROM jobs_limited AS m
CROSS JOIN json_each(iif(json_valid(m.limits), m.limits, NULL)) AS i
CROSS JOIN jobs_limits AS l ON l.id = i.value
WHERE m.seq IN (SELECT value FROM json_each($1))
ORDER BY m.seq, i.key
