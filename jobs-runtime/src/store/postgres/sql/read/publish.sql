-- Publishes jobs: job $1, fingerprint $2, descriptor $3, time $4.
-- A publication with a known fingerprint only gets the newer time.
INSERT INTO jobs.catalogue AS c (job_id, fingerprint, descriptor, published_at)
SELECT n.job_id, n.fingerprint, n.descriptor, n.published_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
    AS n (job_id, fingerprint, descriptor, published_at)
ORDER BY n.job_id, n.fingerprint
ON CONFLICT (job_id, fingerprint) DO UPDATE
SET published_at = GREATEST(c.published_at, excluded.published_at)
