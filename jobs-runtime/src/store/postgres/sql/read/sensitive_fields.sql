-- Lists the sensitive fields of the jobs $1 in any of their publications.
SELECT DISTINCT field.name
FROM jobs.catalogue AS c
CROSS JOIN LATERAL json_array_elements_text(
    CASE json_typeof(c.descriptor::json -> 'sensitive')
        WHEN 'array' THEN c.descriptor::json -> 'sensitive'
    END
) AS field (name)
WHERE c.job_id = ANY ($1)
ORDER BY field.name
