-- Deletes publications that no program has made or renewed. Keeps the newest publication of a job
-- that has an execution.
-- $1  the time before which a publication must have been renewed
-- $2  the most publications
DELETE FROM jobs_catalogue
WHERE (job_id, fingerprint) IN (
    SELECT c.job_id, c.fingerprint
    FROM jobs_catalogue AS c
    WHERE MAX(c.published_at, c.renewed_at) < $1
        AND (
            EXISTS (
                SELECT 1 FROM jobs_catalogue AS newer
                WHERE newer.job_id = c.job_id AND newer.published_at > c.published_at
            )
            OR NOT EXISTS (SELECT 1 FROM jobs_executions AS x WHERE x.job_id = c.job_id)
        )
    LIMIT $2
)
