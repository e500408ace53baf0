-- Deletes up to $2 entries of the audit log from before the time $1. Returns the number of deleted
-- entries.
WITH deleted AS (
    DELETE FROM jobs.audit
    WHERE seq = ANY (ARRAY(
        SELECT seq FROM jobs.audit WHERE at <= $1 ORDER BY at LIMIT $2
    ))
    RETURNING 1
)
SELECT COUNT(*) FROM deleted
