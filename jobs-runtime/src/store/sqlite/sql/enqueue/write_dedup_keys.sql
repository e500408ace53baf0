-- Stores unique and debounce keys. A key replaces the execution that it named before.
-- $20  JSON array: [job, kind, key, execution id (hex)]
INSERT OR REPLACE INTO jobs_unique_keys (job_id, kind, key, execution_id)
SELECT value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3)
FROM json_each($20);
