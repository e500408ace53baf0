-- Deletes closed sessions without leases. Examines the oldest sessions only.
-- $1  the time before which a session must have been closed
-- $2  the most sessions to examine
DELETE FROM jobs_sessions
WHERE id IN (SELECT id FROM jobs_sessions ORDER BY id LIMIT $2)
    AND closed_at < $1
    AND NOT EXISTS (
        SELECT 1 FROM jobs_leases AS l
        WHERE l.session = jobs_sessions.id OR l.executed_by = jobs_sessions.id
    )
