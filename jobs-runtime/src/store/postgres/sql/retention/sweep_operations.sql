-- Deletes up to $2 bulk operations that had ended before the time $1. Returns their number.
WITH deleted AS (
    DELETE FROM jobs.operations
    WHERE id = ANY (ARRAY(
        SELECT id FROM jobs.operations
        WHERE finished_at < $1
        ORDER BY finished_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING 1
)
SELECT COUNT(*) FROM deleted
