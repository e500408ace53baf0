-- Takes permits for new executions that are ready at once, and extends the reach of the limits over
-- them.
-- $2   the number of executions that insert_executions.sql has written
-- $23  JSON array: [limit, number of permits]
-- $30  the rank of the least urgent execution that takes permits
UPDATE jobs_limits
SET in_use = in_use + (e.value ->> 1),
    reach_first = iif(in_use = 0, (SELECT MAX(seq) FROM jobs_executions) - $2 + 1, reach_first),
    reach_last = MAX(iif(in_use = 0, 0, reach_last), (SELECT MAX(seq) FROM jobs_executions)),
    reach_rank = iif(in_use = 0, $30, MAX(reach_rank, $30))
FROM jsonb_each($23) AS e
WHERE jobs_limits.id = e.value ->> 0;
