-- Lists up to $3 ready executions of the queue $1 that became ready before $2, for ageing. After an
-- attempt, that is when the attempt ended or when its retry was due.
-- Executions of the highest priority are left out. The oldest $3 of each pair of job and priority
-- are examined. Groups are read as in `claim/by_group.sql`. Returns ids.
WITH RECURSIVE present (job_id, rank) AS (
    (
        SELECT job_id, rank::integer
        FROM jobs.ready
        WHERE queue = $1
        ORDER BY job_id, rank::integer
        LIMIT 1
    )
    UNION ALL
    SELECT n.job_id, n.rank
    FROM present AS p
    CROSS JOIN LATERAL (
        SELECT r.job_id, r.rank::integer AS rank
        FROM jobs.ready AS r
        WHERE r.queue = $1 AND (r.job_id, r.rank::integer) > (p.job_id, p.rank)
        ORDER BY r.job_id, r.rank::integer
        LIMIT 1
    ) AS n
)
SELECT x.id
FROM present AS p
CROSS JOIN LATERAL (
    SELECT r.seq, r.attempt
    FROM jobs.ready AS r
    WHERE r.queue = $1 AND r.job_id = p.job_id AND r.rank::integer = p.rank
    ORDER BY r.seq + 0
    LIMIT $3
) AS h
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[h.seq])
WHERE p.rank > 0 AND COALESCE(
    (
        SELECT COALESCE(a.retry_at, a.finished_at)
        FROM jobs.attempts AS a
        WHERE a.seq = h.seq AND a.attempt = h.attempt - 1
    ),
    x.run_at
) < $2
LIMIT $3
