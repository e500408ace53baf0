-- Reads the newest publication of every job.
SELECT DISTINCT ON (job_id) job_id, fingerprint, descriptor, published_at
FROM jobs.catalogue
ORDER BY job_id, published_at DESC, fingerprint
