-- Looks up the ids and the deduplication keys of new executions.
-- $1  JSON array: ids (hex)
-- $2  JSON array: idempotency keys [job, key]
-- $3  JSON array: unique and debounce keys [job, kind, key]
-- Returns rows of three kinds, by their first column:
-- 'id'          an id that exists
-- 'key'         execution id, job, key, payload digest, time of expiry
-- 'dedup_key'   execution id, job, kind, key, time of creation, status, whether its first attempt
--               is still delayed
SELECT 'id', lower(hex(x.id))
FROM json_each($1) AS n
CROSS JOIN jobs_executions AS x ON x.id = unhex(n.value);

SELECT 'key', lower(hex(k.execution_id)), k.job_id, k.key, k.payload_digest, k.expires_at
FROM json_each($2) AS n
CROSS JOIN jobs_idempotency_keys AS k ON k.job_id = n.value ->> 0 AND k.key = n.value ->> 1;

SELECT
    'dedup_key', lower(hex(x.id)), k.job_id, k.kind, k.key, x.created_at,
    CASE
        WHEN o.seq IS NOT NULL THEN o.status
        WHEN l.seq IS NOT NULL THEN 'running'
        WHEN s.seq IS NOT NULL THEN 'pending'
        ELSE 'queued'
    END,
    s.attempt IS NOT NULL AND s.attempt = 1
FROM json_each($3) AS n
CROSS JOIN jobs_unique_keys AS k
    ON k.job_id = n.value ->> 0 AND k.kind = n.value ->> 1 AND k.key = n.value ->> 2
CROSS JOIN jobs_executions AS x ON x.id = k.execution_id
LEFT JOIN jobs_outcomes AS o ON o.seq = x.seq
LEFT JOIN jobs_leases AS l ON l.seq = x.seq
LEFT JOIN jobs_scheduled AS s ON s.seq = x.seq;
