-- Finds ready executions of a queue that became ready before a time and do not have the highest
-- priority. After an attempt, that is when the attempt ended or when its retry was due. Looks at
-- the oldest $3 executions of each priority.
-- $1  the queue
-- $2  the time
-- $3  the most executions
-- Returns their ids.
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
WHERE p.rank > 0 AND IFNULL(
    (
        SELECT IFNULL(a.retry_at, a.finished_at) FROM jobs_attempts AS a
        WHERE a.seq = r.seq AND a.attempt = r.attempt - 1
    ),
    x.run_at
) < $2
LIMIT $3
