-- Those that ended as $11, which is not success. Said by the order of the index: with an equality,
-- the primary key has that order too, and the planner takes it for cheaper than it is.
SELECT seq, status FROM jobs.outcomes
WHERE (status, seq) < ($11, $1) AND status >= $11 AND status <> 'succeeded'
ORDER BY status DESC, seq DESC
