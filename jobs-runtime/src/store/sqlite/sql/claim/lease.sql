-- Leases what was taken to the claim $8 of the session $7, from $12 on, and says what that is. Who was let in
-- after the claim was asked for starts then: a start before its permit would count too early.
INSERT INTO jobs_leases (seq, session, claim, attempt, spent, claimed_at, limits)
SELECT seq, $7, $8, attempt, spent, MAX($12, COALESCE(admitted_at, $12)), limits FROM temp.jobs_taken;

DELETE FROM jobs_ready
WHERE (queue, rank, seq) IN (SELECT queue, rank, seq FROM temp.jobs_taken);

DELETE FROM jobs_backlog_entries
WHERE seq IN (
    SELECT t.seq
    FROM temp.jobs_taken AS t
    WHERE EXISTS (SELECT 1 FROM jobs_backlog_entries)
);

UPDATE jobs_sessions SET last_claim = $8
WHERE id = $7 AND EXISTS (SELECT 1 FROM temp.jobs_taken);

-- Some to a row: each row costs a message between threads, one row for all could grow too long.
SELECT 'claimed', (
    SELECT json_group_array(json_array(
        t.seq, t.attempt, t.spent, lower(hex(x.id)), x.job_id, x.payload, x.timeout_ms,
        x.max_attempts, x.retry, x.correlation_id, MAX($12, COALESCE(t.admitted_at, $12)), 0, t.queue,
        t.limits
    ))
    FROM temp.jobs_taken AS t
    CROSS JOIN jobs_executions AS x ON x.seq = t.seq
    WHERE t.place BETWEEN c.first AND c.first + 49
)
FROM (SELECT place AS first FROM temp.jobs_taken WHERE place % 50 = 1) AS c;

DELETE FROM temp.jobs_taken;
