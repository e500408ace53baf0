-- Deletes up to $2 publications that no program has made or renewed since $1. Keeps the newest
-- publication of a job that has an execution. The row comparison keeps the planner from hashing all
-- executions. Returns the number of deleted publications.
WITH deleted AS (
    DELETE FROM jobs.catalogue
    WHERE ctid = ANY (ARRAY(
        SELECT c.ctid
        FROM jobs.catalogue AS c
        WHERE GREATEST(c.published_at, c.renewed_at) < $1
            AND (
                EXISTS (
                    SELECT 1 FROM jobs.catalogue AS newer
                    WHERE newer.job_id = c.job_id AND newer.published_at > c.published_at
                )
                OR NOT EXISTS (
                    SELECT 1 FROM jobs.executions AS x
                    WHERE (x.job_id, x.seq) > (c.job_id, 0) AND x.job_id <= c.job_id
                )
            )
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING 1
)
SELECT COUNT(*) FROM deleted
