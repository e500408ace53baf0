-- Leases the rows of jobs_claimed_rows to a claim. Removes them from jobs_ready, from the backlog
-- and from the executions that expire. Empties the temporary table. An attempt starts at the
-- time of the claim, or at the time of its admission if that is later: a start before its permit
-- would count too early against a rate.
-- $7   the session
-- $8   the number of the claim
-- $12  the time of the claim
-- Returns rows with 'claimed' and a JSON array of up to 50 leased executions.
INSERT INTO jobs_leases (seq, session, claim, attempt, spent, claimed_at, limits)
SELECT seq, $7, $8, attempt, spent, MAX($12, COALESCE(admitted_at, $12)), limits
    FROM temp.jobs_claimed_rows;

DELETE FROM jobs_ready
WHERE (queue, rank, seq) IN (SELECT queue, rank, seq FROM temp.jobs_claimed_rows);

DELETE FROM jobs_backlog_entries
WHERE seq IN (
    SELECT t.seq
    FROM temp.jobs_claimed_rows AS t
    WHERE EXISTS (SELECT 1 FROM jobs_backlog_entries)
);

DELETE FROM jobs_expirations
WHERE seq IN (
    SELECT t.seq
    FROM temp.jobs_claimed_rows AS t
    WHERE EXISTS (SELECT 1 FROM jobs_expirations)
);

UPDATE jobs_sessions SET last_claim = $8
WHERE id = $7 AND EXISTS (SELECT 1 FROM temp.jobs_claimed_rows);

-- 50 executions per row: each row costs a message between threads, and a single row for all of them
-- could exceed SQLite's longest string.
SELECT 'claimed', (
    SELECT json_group_array(json_array(
        t.seq, t.attempt, t.spent, lower(hex(x.id)), x.job_id, x.payload, x.timeout_ms,
        x.max_attempts, x.retry, x.correlation_id, MAX($12, COALESCE(t.admitted_at, $12)), 0,
        t.queue,
        t.limits, x.run_at, x.trace_parent, x.tags
    ))
    FROM temp.jobs_claimed_rows AS t
    CROSS JOIN jobs_executions AS x ON x.seq = t.seq
    WHERE t.place BETWEEN c.first AND c.first + 49
)
FROM (SELECT place AS first FROM temp.jobs_claimed_rows WHERE place % 50 = 1) AS c;

DELETE FROM temp.jobs_claimed_rows;
