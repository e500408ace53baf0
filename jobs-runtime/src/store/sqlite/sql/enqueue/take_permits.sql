-- Takes permits for new executions that are ready at once.
-- $23  JSON array: [limit, number of permits]
UPDATE jobs_limits
SET in_use = in_use + (e.value ->> 1)
FROM jsonb_each($23) AS e
WHERE jobs_limits.id = e.value ->> 0;
