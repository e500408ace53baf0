-- Up to $3 ready executions of the queue $1 that were due before $2 and are not the most urgent yet, looked for
-- among the oldest $3 of each priority.
WITH RECURSIVE present (rank) AS (
    SELECT MIN(rank) FROM jobs_ready WHERE queue = $1
    UNION ALL
    SELECT (SELECT MIN(r.rank) FROM jobs_ready AS r WHERE r.queue = $1 AND r.rank > present.rank)
    FROM present
    WHERE present.rank IS NOT NULL
)
SELECT x.id
FROM present AS p
CROSS JOIN jobs_ready AS r ON r.queue = $1 AND r.rank = p.rank AND r.seq IN (
    SELECT h.seq FROM jobs_ready AS h WHERE h.queue = $1 AND h.rank = p.rank ORDER BY h.seq LIMIT $3
)
CROSS JOIN jobs_executions AS x ON x.seq = r.seq
WHERE p.rank > 0 AND x.run_at < $2
LIMIT $3
