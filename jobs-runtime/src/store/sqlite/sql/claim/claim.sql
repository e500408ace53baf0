-- Leases up to $11 ready executions of the jobs in the array $9 to the claim $8 of the session $7:
-- from the queues in the array $10, from every queue if it is NULL, but none of those in the array $15
-- and none that is paused; only those whose ids are in the array $13, if it is not NULL. The most urgent come first,
-- the oldest among equals, whichever queue they wait in. A claim that was made before, and one of
-- a session that is closed, lease nothing: the first row tells.
SELECT 'session', closed_at IS NULL, last_claim FROM jobs_sessions WHERE id = $7;

-- Named executions, reached by their ids.
INSERT INTO temp.jobs_taken (queue, rank, seq, job_id, attempt, spent, limits, admitted_at)
SELECT r.queue, r.rank, r.seq, r.job_id, r.attempt, r.spent, r.limits, r.admitted_at
FROM json_each($13) AS o
CROSS JOIN jobs_executions AS x ON x.id = unhex(o.value)
CROSS JOIN jobs_ready AS r ON r.queue = x.queue AND r.rank = 100 - x.priority AND r.seq = x.seq
WHERE r.job_id IN (SELECT value FROM json_each($9))
    AND ($10 IS NULL OR r.queue IN (SELECT value FROM json_each($10)))
    AND r.queue NOT IN (SELECT queue FROM jobs_paused_queues)
    AND r.queue NOT IN (SELECT value FROM json_each($15))
ORDER BY r.rank, r.seq
LIMIT $11 * EXISTS (
    SELECT 1 FROM jobs_sessions WHERE id = $7 AND closed_at IS NULL AND last_claim < $8
);

-- Any of one queue, which is usual: its own order is the order.
INSERT INTO temp.jobs_taken (queue, rank, seq, job_id, attempt, spent, limits, admitted_at)
SELECT queue, rank, seq, job_id, attempt, spent, limits, admitted_at
FROM jobs_ready
WHERE queue = CASE
        WHEN json_array_length($10) = 1 THEN $10 ->> 0
        WHEN $10 IS NULL AND (SELECT MIN(queue) FROM jobs_ready) = (SELECT MAX(queue) FROM jobs_ready)
        THEN (SELECT MIN(queue) FROM jobs_ready)
    END
    AND queue NOT IN (SELECT queue FROM jobs_paused_queues)
    AND queue NOT IN (SELECT value FROM json_each($15))
    AND job_id IN (SELECT value FROM json_each($9))
ORDER BY rank, seq
LIMIT $11 * ($13 IS NULL) * EXISTS (
    SELECT 1 FROM jobs_sessions WHERE id = $7 AND closed_at IS NULL AND last_claim < $8
);

-- Any of several: merged through the priority queue that a recursive query with an order is. It starts
-- with the head of each and replaces what it hands out by the next of the same queue.
WITH RECURSIVE
    present (queue) AS (
        SELECT MIN(queue) FROM jobs_ready
        UNION ALL
        SELECT (SELECT MIN(r.queue) FROM jobs_ready AS r WHERE r.queue > present.queue)
        FROM present
        WHERE present.queue IS NOT NULL
    ),
    named (queue) AS (
        SELECT queue FROM present WHERE $10 IS NULL AND queue IS NOT NULL
        UNION
        SELECT value FROM json_each($10)
    ),
    wanted (queue) AS (
        SELECT queue
        FROM named
        WHERE queue NOT IN (SELECT queue FROM jobs_paused_queues)
            AND queue NOT IN (SELECT value FROM json_each($15))
    ),
    merged (rank, seq, queue, job_id, attempt, spent, limits, admitted_at) AS (
        SELECT r.rank, r.seq, r.queue, r.job_id, r.attempt, r.spent, r.limits, r.admitted_at
        FROM wanted AS w
        CROSS JOIN jobs_ready AS r ON r.queue = w.queue AND (r.rank, r.seq) = (
            SELECT rank, seq FROM jobs_ready
            WHERE queue = w.queue AND job_id IN (SELECT value FROM json_each($9))
            ORDER BY rank, seq
            LIMIT 1
        )
        WHERE $13 IS NULL AND NOT EXISTS (SELECT 1 FROM temp.jobs_taken)
        UNION ALL
        SELECT r.rank, r.seq, r.queue, r.job_id, r.attempt, r.spent, r.limits, r.admitted_at
        FROM merged AS m
        CROSS JOIN jobs_ready AS r ON r.queue = m.queue AND (r.rank, r.seq) = (
            SELECT rank, seq FROM jobs_ready
            WHERE queue = m.queue AND (rank, seq) > (m.rank, m.seq)
                AND job_id IN (SELECT value FROM json_each($9))
            ORDER BY rank, seq
            LIMIT 1
        )
        ORDER BY 1, 2
    )
INSERT INTO temp.jobs_taken (queue, rank, seq, job_id, attempt, spent, limits, admitted_at)
SELECT queue, rank, seq, job_id, attempt, spent, limits, admitted_at
FROM merged
LIMIT $11 * EXISTS (
    SELECT 1 FROM jobs_sessions WHERE id = $7 AND closed_at IS NULL AND last_claim < $8
) * COALESCE(
    json_array_length($10) <> 1,
    (SELECT MIN(queue) FROM jobs_ready) <> (SELECT MAX(queue) FROM jobs_ready),
    0
);
