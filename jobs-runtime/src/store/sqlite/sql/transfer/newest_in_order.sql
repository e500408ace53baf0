-- Reads the newest time of creation among the executions that are in order, before an import.
-- NULL if there are none. The newest seq has it, unless it was imported out of order; then the
-- newest one before all of those has it.
SELECT MAX(x.created_at)
FROM (
    SELECT MAX(unordered_from) AS first, MAX(unordered_to) AS last FROM jobs_installation
) AS a
CROSS JOIN (SELECT MAX(seq) AS seq FROM jobs_executions) AS n
JOIN jobs_executions AS x ON x.seq = iif(
    n.seq BETWEEN a.first AND a.last,
    (SELECT MAX(e.seq) FROM jobs_executions AS e WHERE e.seq < a.first),
    n.seq
)
