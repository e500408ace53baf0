-- The keys of the array $20, by which executions are the same one, name these from now on.
INSERT OR REPLACE INTO jobs_unique_keys (job_id, kind, key, execution_id)
SELECT value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3)
FROM json_each($20);
