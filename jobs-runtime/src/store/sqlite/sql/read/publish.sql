-- Stores published jobs. A known fingerprint only gets the newer time.
-- $1  JSON array: [job, fingerprint, descriptor, time of publication]
INSERT INTO jobs_catalogue (job_id, fingerprint, descriptor, published_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3
FROM jsonb_each($1)
WHERE TRUE
ON CONFLICT (job_id, fingerprint) DO UPDATE
SET published_at = MAX(published_at, excluded.published_at)
