-- Leases up to $11 ready executions of the jobs in the array $9 to the claim $8 of the session $7:
-- from the queues in the array $10, from every queue if it is NULL;
-- only those whose ids are in the array $13, if it is not NULL. The most urgent come first,
-- the oldest among equals, whichever queue they wait in. A claim that was made before, and one of
-- a session that is closed, lease nothing: the first row tells.
SELECT 'session', closed_at IS NULL, last_claim FROM jobs_sessions WHERE id = $7;

-- Named executions, reached by their ids.
INSERT INTO temp.jobs_taken (queue, rank, seq, attempt, spent)
SELECT r.queue, r.rank, r.seq, r.attempt, r.spent
FROM json_each($13) AS o
CROSS JOIN jobs_executions AS x ON x.id = unhex(o.value)
CROSS JOIN jobs_ready AS r ON r.queue = x.queue AND r.rank = 100 - x.priority AND r.seq = x.seq
WHERE r.job_id IN (SELECT value FROM json_each($9))
    AND ($10 IS NULL OR r.queue IN (SELECT value FROM json_each($10)))
ORDER BY r.rank, r.seq
LIMIT $11 * EXISTS (
    SELECT 1 FROM jobs_sessions WHERE id = $7 AND closed_at IS NULL AND last_claim < $8
);

-- Any of one queue, which is usual: its own order is the order.
INSERT INTO temp.jobs_taken (queue, rank, seq, attempt, spent)
SELECT queue, rank, seq, attempt, spent
FROM jobs_ready
WHERE queue = CASE
        WHEN json_array_length($10) = 1 THEN $10 ->> 0
        WHEN $10 IS NULL AND (SELECT MIN(queue) FROM jobs_ready) = (SELECT MAX(queue) FROM jobs_ready)
        THEN (SELECT MIN(queue) FROM jobs_ready)
    END
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
    wanted (queue) AS (
        SELECT queue FROM present WHERE $10 IS NULL
        UNION
        SELECT value FROM json_each($10)
    ),
    merged (rank, seq, queue, attempt, spent) AS (
        SELECT r.rank, r.seq, r.queue, r.attempt, r.spent
        FROM wanted AS w
        CROSS JOIN jobs_ready AS r ON r.queue = w.queue AND (r.rank, r.seq) = (
            SELECT rank, seq FROM jobs_ready
            WHERE queue = w.queue AND job_id IN (SELECT value FROM json_each($9))
            ORDER BY rank, seq
            LIMIT 1
        )
        WHERE $13 IS NULL AND NOT EXISTS (SELECT 1 FROM temp.jobs_taken)
        UNION ALL
        SELECT r.rank, r.seq, r.queue, r.attempt, r.spent
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
INSERT INTO temp.jobs_taken (queue, rank, seq, attempt, spent)
SELECT queue, rank, seq, attempt, spent
FROM merged
LIMIT $11 * EXISTS (
    SELECT 1 FROM jobs_sessions WHERE id = $7 AND closed_at IS NULL AND last_claim < $8
) * COALESCE(
    json_array_length($10) <> 1,
    (SELECT MIN(queue) FROM jobs_ready) <> (SELECT MAX(queue) FROM jobs_ready),
    0
);

INSERT INTO jobs_leases (seq, session, claim, attempt, spent, claimed_at)
SELECT seq, $7, $8, attempt, spent, $12 FROM temp.jobs_taken;

DELETE FROM jobs_ready
WHERE (queue, rank, seq) IN (SELECT queue, rank, seq FROM temp.jobs_taken);

UPDATE jobs_sessions SET last_claim = $8
WHERE id = $7 AND EXISTS (SELECT 1 FROM temp.jobs_taken);

-- Some to a row: each row costs a message between threads, one row for all could grow too long.
SELECT 'claimed', (
    SELECT json_group_array(json_array(
        t.seq, t.attempt, t.spent, lower(hex(x.id)), x.job_id, x.payload, x.timeout_ms,
        x.max_attempts, x.retry, x.correlation_id, $12, 0
    ))
    FROM temp.jobs_taken AS t
    CROSS JOIN jobs_executions AS x ON x.seq = t.seq
    WHERE t.place BETWEEN c.first AND c.first + 49
)
FROM (SELECT place AS first FROM temp.jobs_taken WHERE place % 50 = 1) AS c;

DELETE FROM temp.jobs_taken;
