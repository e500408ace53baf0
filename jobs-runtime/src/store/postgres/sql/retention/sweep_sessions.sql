-- Deletes those of the $2 oldest sessions that were closed before $1 and have no lease. Returns the
-- number of deleted sessions.
WITH deleted AS (
    DELETE FROM jobs.sessions AS s
    WHERE s.id = ANY (ARRAY(SELECT id FROM jobs.sessions ORDER BY id LIMIT $2))
        AND s.closed_at < $1
        AND NOT EXISTS (
            SELECT 1 FROM jobs.leases AS l WHERE l.session = s.id OR l.executed_by = s.id
        )
    RETURNING 1
)
SELECT COUNT(*) FROM deleted
