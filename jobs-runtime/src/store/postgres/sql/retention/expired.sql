-- End of a search for expired executions: those of the page whose retention has ended.
-- $3, $4, $5 the times before which a succeeded, a failed and a cancelled one must have ended, $6
-- the present time, $7 jobs whose executions are kept. An execution is kept while an idempotency
-- key that has not expired names it, and while its parent is live. Returns rows: last seq of the
-- page, number of examined executions, time of creation of the last one, id, job, status, time of
-- the end, whether it was erased. If none has expired, one row without an id.
expired AS MATERIALIZED (
    SELECT
        p.seq, x.id, x.job_id, p.status, p.finished_at, x.erased_at IS NOT NULL AS is_erased
    FROM page AS p
    JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[p.seq])
    WHERE p.finished_at < CASE p.status
            WHEN 'succeeded' THEN $3::bigint
            WHEN 'failed' THEN $4::bigint
            ELSE $5::bigint
        END
        AND x.job_id <> ALL ($7::text[])
        AND NOT EXISTS (
            SELECT 1 FROM jobs.idempotency_keys AS k
            WHERE k.execution_id = ANY (ARRAY[x.id]) AND k.expires_at > $6
        )
        AND NOT EXISTS (
            SELECT 1 FROM jobs.executions AS parent
            WHERE parent.id = ANY (ARRAY[x.parent_id])
                AND NOT EXISTS (
                    SELECT 1 FROM jobs.outcomes AS o WHERE o.seq = ANY (ARRAY[parent.seq])
                )
        )
)
SELECT
    f.last, f.examined,
    (SELECT y.created_at FROM jobs.executions AS y WHERE y.seq = f.last),
    e.id, e.job_id, e.status, e.finished_at, e.is_erased
FROM (SELECT MAX(seq) AS last, COUNT(*) AS examined FROM page) AS f
LEFT JOIN expired AS e ON TRUE
ORDER BY e.seq
