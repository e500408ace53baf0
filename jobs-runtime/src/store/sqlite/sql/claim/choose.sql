-- Chooses the ready executions of a claim, up to its limit.
-- Inserts them into the temporary table jobs_claimed_rows: the most urgent first, the oldest among
-- equally urgent ones, over all queues. Paused queues and expired executions are skipped. Chooses
-- nothing if the session is closed, or if it has leased with this claim number or a higher one
-- before.
-- $7   the session
-- $8   the number of the claim
-- $9   JSON array: ids of the jobs to claim
-- $10  JSON array: queues to claim from; NULL for every queue
-- $11  the most executions
-- $12  the time of the claim
-- $13  JSON array: ids (hex) of the only executions to claim; NULL for every execution
-- $15  JSON array: queues to leave out
-- Returns one row:
-- 'session'
-- whether the session is open
-- its last claim number that leased something
SELECT 'session', closed_at IS NULL, last_claim FROM jobs_sessions WHERE id = $7;

-- With $13: the named executions, found by their ids.
INSERT INTO temp.jobs_claimed_rows (queue, rank, seq, job_id, attempt, spent, limits, admitted_at)
SELECT r.queue, r.rank, r.seq, r.job_id, r.attempt, r.spent, r.limits, r.admitted_at
FROM json_each($13) AS o
CROSS JOIN jobs_executions AS x ON x.id = unhex(o.value)
CROSS JOIN jobs_ready AS r ON r.queue = x.queue AND r.rank = 100 - x.priority AND r.seq = x.seq
WHERE r.job_id IN (SELECT value FROM json_each($9))
    AND ($10 IS NULL OR r.queue IN (SELECT value FROM json_each($10)))
    AND r.queue NOT IN (SELECT queue FROM jobs_paused_queues)
    AND r.queue NOT IN (SELECT value FROM json_each($15))
    AND NOT EXISTS (SELECT 1 FROM jobs_expirations AS e WHERE e.seq = r.seq AND e.expires_at <= $12)
ORDER BY r.rank, r.seq
LIMIT $11 * EXISTS (
    SELECT 1 FROM jobs_sessions WHERE id = $7 AND closed_at IS NULL AND last_claim < $8
);

-- Without $13, one queue, the usual case: the primary key has the order of claims.
INSERT INTO temp.jobs_claimed_rows (queue, rank, seq, job_id, attempt, spent, limits, admitted_at)
SELECT queue, rank, seq, job_id, attempt, spent, limits, admitted_at
FROM jobs_ready
WHERE queue = CASE
        WHEN json_array_length($10) = 1 THEN $10 ->> 0
        WHEN $10 IS NULL AND (SELECT MIN(queue) FROM jobs_ready) = (SELECT MAX(queue)
            FROM jobs_ready)
        THEN (SELECT MIN(queue) FROM jobs_ready)
    END
    AND queue NOT IN (SELECT queue FROM jobs_paused_queues)
    AND queue NOT IN (SELECT value FROM json_each($15))
    AND job_id IN (SELECT value FROM json_each($9))
    AND NOT EXISTS (
        SELECT 1 FROM jobs_expirations AS e WHERE e.seq = jobs_ready.seq AND e.expires_at <= $12
    )
ORDER BY rank, seq
LIMIT $11 * ($13 IS NULL) * EXISTS (
    SELECT 1 FROM jobs_sessions WHERE id = $7 AND closed_at IS NULL AND last_claim < $8
);

-- Without $13, several queues: a merge. A recursive query with ORDER BY is a priority queue. It
-- starts with the first row of each queue, and adds the next row of a queue for each row taken.
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
    claimable (queue) AS (
        SELECT queue
        FROM named
        WHERE queue NOT IN (SELECT queue FROM jobs_paused_queues)
            AND queue NOT IN (SELECT value FROM json_each($15))
    ),
    merged (rank, seq, queue, job_id, attempt, spent, limits, admitted_at) AS (
        SELECT r.rank, r.seq, r.queue, r.job_id, r.attempt, r.spent, r.limits, r.admitted_at
        FROM claimable AS w
        CROSS JOIN jobs_ready AS r ON r.queue = w.queue AND (r.rank, r.seq) = (
            SELECT rank, seq FROM jobs_ready
            WHERE queue = w.queue AND job_id IN (SELECT value FROM json_each($9))
                AND NOT EXISTS (
                    SELECT 1 FROM jobs_expirations AS e
                    WHERE e.seq = jobs_ready.seq AND e.expires_at <= $12
                )
            ORDER BY rank, seq
            LIMIT 1
        )
        WHERE $13 IS NULL AND NOT EXISTS (SELECT 1 FROM temp.jobs_claimed_rows)
        UNION ALL
        SELECT r.rank, r.seq, r.queue, r.job_id, r.attempt, r.spent, r.limits, r.admitted_at
        FROM merged AS m
        CROSS JOIN jobs_ready AS r ON r.queue = m.queue AND (r.rank, r.seq) = (
            SELECT rank, seq FROM jobs_ready
            WHERE queue = m.queue AND (rank, seq) > (m.rank, m.seq)
                AND job_id IN (SELECT value FROM json_each($9))
                AND NOT EXISTS (
                    SELECT 1 FROM jobs_expirations AS e
                    WHERE e.seq = jobs_ready.seq AND e.expires_at <= $12
                )
            ORDER BY rank, seq
            LIMIT 1
        )
        ORDER BY 1, 2
    )
INSERT INTO temp.jobs_claimed_rows (queue, rank, seq, job_id, attempt, spent, limits, admitted_at)
SELECT queue, rank, seq, job_id, attempt, spent, limits, admitted_at
FROM merged
LIMIT $11 * EXISTS (
    SELECT 1 FROM jobs_sessions WHERE id = $7 AND closed_at IS NULL AND last_claim < $8
) * COALESCE(
    json_array_length($10) <> 1,
    (SELECT MIN(queue) FROM jobs_ready) <> (SELECT MAX(queue) FROM jobs_ready),
    0
);
