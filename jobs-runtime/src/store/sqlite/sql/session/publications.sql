-- Lists the publications of jobs by the programs of sessions.
-- $1  JSON array of arrays: session, job
SELECT s.id AS session, c.job_id, c.fingerprint, c.published_at
FROM json_each($1) AS p
CROSS JOIN jobs_sessions AS s ON s.id = p.value ->> 0
CROSS JOIN jobs_catalogue AS c ON c.job_id = p.value ->> 1
    AND c.fingerprint IN (SELECT f.value FROM json_each(s.fingerprints) AS f)
ORDER BY s.id, c.job_id, c.fingerprint
