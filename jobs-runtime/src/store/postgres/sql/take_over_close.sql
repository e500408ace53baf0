-- Closes the session $1, which is locked and open, with its last beat $2 at $3: it renews and claims
-- nothing any more, and its leases are there to be moved.
WITH closed AS (
    UPDATE jobs.sessions SET closed_at = $3, last_beat = $2 WHERE id = $1 RETURNING id
)
DELETE FROM jobs.beats AS b USING closed AS c WHERE b.session = c.id
