-- Records at the time $3 that a live program links the jobs $1 with the fingerprints $2.
UPDATE jobs.catalogue AS c
SET renewed_at = GREATEST(c.renewed_at, $3)
FROM unnest($1::text[], $2::text[]) AS n (job_id, fingerprint)
WHERE c.job_id = n.job_id AND c.fingerprint = n.fingerprint
