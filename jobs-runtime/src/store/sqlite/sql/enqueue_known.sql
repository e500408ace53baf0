-- Which ids of the array $1 exist, and what the keys of the array $2 name.
SELECT 'id', lower(hex(id)), NULL, NULL, NULL, NULL
FROM json_each($1) CROSS JOIN jobs_executions ON id = unhex(value);

SELECT 'key', lower(hex(execution_id)), job_id, key, payload_digest, expires_at
FROM json_each($2) CROSS JOIN jobs_idempotency_keys ON job_id = value ->> 0 AND key = value ->> 1;
