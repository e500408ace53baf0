-- Which ids of the array $1 exist, and what the keys of the array $2 name.
SELECT 'id', lower(hex(x.id))
FROM json_each($1) AS n
CROSS JOIN jobs_executions AS x ON x.id = unhex(n.value);

SELECT 'key', lower(hex(k.execution_id)), k.job_id, k.key, k.payload_digest, k.expires_at
FROM json_each($2) AS n
CROSS JOIN jobs_idempotency_keys AS k ON k.job_id = n.value ->> 0 AND k.key = n.value ->> 1;
