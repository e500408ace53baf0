-- The keys $3 of the kinds $2 of the jobs $1 name the executions $4 from now on. Those that are locked
-- ($5) are replaced; one that another transaction has brought since the look stays: the caller counts
-- the rows.
WITH named AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::boolean[])
        AS n (job_id, kind, key, execution_id, known)
),
replaced AS (
    UPDATE jobs.unique_keys AS k
    SET execution_id = n.execution_id
    FROM named AS n
    WHERE n.known AND k.job_id = ANY (ARRAY[n.job_id]) AND k.kind = ANY (ARRAY[n.kind])
        AND k.key = ANY (ARRAY[n.key])
    RETURNING 1
),
brought AS (
    INSERT INTO jobs.unique_keys (job_id, kind, key, execution_id)
    SELECT job_id, kind, key, execution_id FROM named WHERE NOT known
    ON CONFLICT (job_id, kind, key) DO NOTHING
    RETURNING 1
)
SELECT (SELECT COUNT(*) FROM replaced) + (SELECT COUNT(*) FROM brought)
