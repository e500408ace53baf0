-- Closes the session $1, if it has no lease. The caller has locked the session.
WITH closed AS (
    UPDATE jobs.sessions AS s
    SET closed_at = (SELECT b.renewed_at FROM jobs.beats AS b WHERE b.session = s.id)
    WHERE s.id = $1 AND s.closed_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM jobs.leases AS l WHERE l.session = $1)
    RETURNING s.id
)
DELETE FROM jobs.beats AS b USING closed AS c WHERE b.session = c.id
