-- Lists the publications of the jobs $2 by the programs of the sessions $1, pair by pair.
SELECT p.session, c.job_id, c.fingerprint, c.published_at
FROM unnest($1::bigint[], $2::text[]) AS p (session, job_id)
JOIN jobs.sessions AS s ON s.id = p.session
JOIN jobs.catalogue AS c ON c.job_id = p.job_id AND c.fingerprint = ANY (s.fingerprints)
ORDER BY p.session, c.job_id, c.fingerprint
