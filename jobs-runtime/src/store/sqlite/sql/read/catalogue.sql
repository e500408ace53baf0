-- Lists the newest publication of every job.
SELECT job_id, fingerprint, descriptor, MAX(published_at) AS published_at
FROM jobs_catalogue
GROUP BY job_id
ORDER BY job_id
