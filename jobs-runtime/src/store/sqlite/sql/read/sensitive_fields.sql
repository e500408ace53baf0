-- Lists the sensitive fields of the jobs $1, a JSON array of ids, in any of their publications.
SELECT DISTINCT field.value AS name
FROM jobs_catalogue AS c, json_each(c.descriptor, '$.sensitive') AS field
WHERE c.job_id IN (SELECT value FROM json_each($1))
ORDER BY name
