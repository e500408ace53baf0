-- Reads all publications of jobs.
SELECT job_id, fingerprint, descriptor, published_at
FROM jobs_catalogue
ORDER BY published_at, job_id, fingerprint
