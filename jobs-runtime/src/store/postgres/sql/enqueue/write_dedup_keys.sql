-- Writes unique and debounce keys: job $1, kind $2, key $3, execution $4.
-- $5 is true for a key that exists and that the caller has locked: it is updated. A key that
-- another transaction has inserted since the lookup is kept. Returns the number of keys written.
WITH new_keys AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::boolean[])
        AS n (job_id, kind, key, execution_id, known)
),
replaced AS (
    UPDATE jobs.unique_keys AS k
    SET execution_id = n.execution_id
    FROM new_keys AS n
    WHERE n.known AND k.job_id = ANY (ARRAY[n.job_id]) AND k.kind = ANY (ARRAY[n.kind])
        AND k.key = ANY (ARRAY[n.key])
    RETURNING 1
),
inserted AS (
    INSERT INTO jobs.unique_keys (job_id, kind, key, execution_id)
    SELECT job_id, kind, key, execution_id FROM new_keys WHERE NOT known
    ON CONFLICT (job_id, kind, key) DO NOTHING
    RETURNING 1
)
SELECT (SELECT COUNT(*) FROM replaced) + (SELECT COUNT(*) FROM inserted)
