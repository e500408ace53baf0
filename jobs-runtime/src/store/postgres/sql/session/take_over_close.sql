-- Closes the session $1, which is locked and open, with its last beat $2 at $3: it renews and claims
-- nothing any more, and its leases are there to be moved.
WITH silenced AS (
    DELETE FROM jobs.beats WHERE session = $1 RETURNING renewed_at
)
UPDATE jobs.sessions
SET closed_at = $3, last_beat = $2, renewed_at = (SELECT renewed_at FROM silenced)
WHERE id = $1
