-- Permits are taken: so many of each limit, the array $23, by some of the last $2 executions, the least urgent of which
-- has the rank $30.
UPDATE jobs_limits
SET in_use = in_use + (e.value ->> 1),
    reach_first = iif(in_use = 0, (SELECT MAX(seq) FROM jobs_executions) - $2 + 1, reach_first),
    reach_last = MAX(iif(in_use = 0, 0, reach_last), (SELECT MAX(seq) FROM jobs_executions)),
    reach_rank = iif(in_use = 0, $30, MAX(reach_rank, $30))
FROM jsonb_each($23) AS e
WHERE jobs_limits.id = e.value ->> 0;
