-- End of a search for expired executions: those of the page whose retention has ended. An execution
-- is kept while an idempotency key that has not expired names it, and while its parent is live.
-- $3  the time before which a succeeded execution must have ended
-- $4  the same for a failed one
-- $5  the same for a cancelled one
-- $6  the present time
-- $7  JSON array: jobs whose executions are kept
-- Returns rows: last seq of the page, number of examined executions, time of creation of the last
-- one, id, job, status, time of the end, whether it was erased. If none has expired, one row
-- without an id.
expired AS MATERIALIZED (
    SELECT
        p.seq, x.id, x.job_id, p.status, p.finished_at, x.erased_at IS NOT NULL AS is_erased
    FROM page AS p
    CROSS JOIN jobs_executions AS x ON x.seq = p.seq
    WHERE p.finished_at < CASE p.status WHEN 'succeeded' THEN $3 WHEN 'failed' THEN $4 ELSE $5 END
        AND x.job_id NOT IN (SELECT value FROM json_each($7))
        AND NOT EXISTS (
            SELECT 1 FROM jobs_idempotency_keys AS k
            WHERE k.execution_id = x.id AND k.expires_at > $6
        )
        AND NOT EXISTS (
            SELECT 1 FROM jobs_executions AS parent
            WHERE parent.id = x.parent_id
                AND NOT EXISTS (SELECT 1 FROM jobs_outcomes AS o WHERE o.seq = parent.seq)
        )
)
SELECT
    f.last, f.examined, (SELECT created_at FROM jobs_executions WHERE seq = f.last),
    e.id, e.job_id, e.status, e.finished_at, e.is_erased
FROM (SELECT MAX(seq) AS last, COUNT(*) AS examined FROM page) AS f
LEFT JOIN expired AS e ON TRUE
ORDER BY e.seq
