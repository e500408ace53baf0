-- Fragment: candidates of a list by their status $11, failed or cancelled, before the seq $1.
-- The row comparison is in the order of the index. With an equality, the primary key would have
-- that order, too, and the planner underestimates a scan of it.
SELECT seq, status FROM jobs.outcomes
WHERE (status, seq) < ($11, $1) AND status >= $11 AND status <> 'succeeded'
ORDER BY status DESC, seq DESC
