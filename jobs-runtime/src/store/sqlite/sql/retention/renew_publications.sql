-- Records that a live program links jobs.
-- $1  JSON array: [job, fingerprint]
-- $2  the present time
UPDATE jobs_catalogue
SET renewed_at = MAX(renewed_at, $2)
WHERE (job_id, fingerprint) IN (SELECT value ->> 0, value ->> 1 FROM json_each($1))
