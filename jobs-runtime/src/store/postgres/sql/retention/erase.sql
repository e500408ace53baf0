-- Erases what callers and handlers have written into the final execution $1, at the time $2, for
-- the author $3. A repeated erasure keeps the time and the author of the first. Returns these two,
-- or no row if the execution is not final.
WITH final AS MATERIALIZED (SELECT seq FROM jobs.outcomes WHERE seq = $1 FOR UPDATE),
outcome AS (
    UPDATE jobs.outcomes AS o
    SET result = NULL, progress_message = NULL,
        error_message = CASE WHEN o.error_message IS NOT NULL THEN 'erased' END
    FROM final
    WHERE o.seq = ANY (ARRAY[final.seq])
),
attempts AS (
    UPDATE jobs.attempts AS a
    SET result = NULL, progress_message = NULL,
        error_message = CASE WHEN a.error_message IS NOT NULL THEN 'erased' END
    FROM final
    WHERE a.seq = ANY (ARRAY[final.seq])
),
logs AS (DELETE FROM jobs.logs AS l USING final WHERE l.seq = ANY (ARRAY[final.seq])),
erased AS (
    UPDATE jobs.executions AS x
    SET payload = '{}', erased_at = COALESCE(x.erased_at, $2),
        erased_by = CASE WHEN x.erased_at IS NULL THEN $3 ELSE x.erased_by END
    FROM final
    WHERE x.seq = ANY (ARRAY[final.seq])
    RETURNING x.id, x.erased_at, x.erased_by
),
names AS (
    DELETE FROM jobs.unique_keys AS k USING erased AS x WHERE k.execution_id = ANY (ARRAY[x.id])
)
SELECT erased_at, erased_by FROM erased
