-- Exports every publication of the catalogue.
SELECT job_id, fingerprint, descriptor, published_at
FROM jobs.catalogue
ORDER BY published_at, job_id, fingerprint
