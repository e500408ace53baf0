-- Takes one permit of each limit. Does what take_permits.sql does, at a lower cost per limit.
-- $2   the number of executions that insert_executions.sql has written
-- $28  JSON array: limits
-- $30  the rank of the least urgent execution that takes permits
UPDATE jobs_limits
SET in_use = in_use + 1,
    reach_first = iif(in_use = 0, (SELECT MAX(seq) FROM jobs_executions) - $2 + 1, reach_first),
    reach_last = MAX(iif(in_use = 0, 0, reach_last), (SELECT MAX(seq) FROM jobs_executions)),
    reach_rank = iif(in_use = 0, $30, MAX(reach_rank, $30))
WHERE id IN (SELECT value FROM json_each($28));
