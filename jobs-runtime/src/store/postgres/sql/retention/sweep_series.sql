-- Deletes up to $2 points of series that had expired before the time $1. Returns their number.
WITH deleted AS (
    DELETE FROM jobs.series
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM jobs.series
        WHERE expires_at < $1
        ORDER BY expires_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING 1
)
SELECT COUNT(*) FROM deleted
