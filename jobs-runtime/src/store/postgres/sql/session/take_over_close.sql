-- Closes the open session $1, whose last beat is $2, at the time $3.
-- It cannot renew or claim any more. The caller has locked the session.
WITH last_beat_row AS (
    DELETE FROM jobs.beats WHERE session = $1 RETURNING renewed_at
)
UPDATE jobs.sessions
SET closed_at = $3, last_beat = $2, renewed_at = (SELECT renewed_at FROM last_beat_row)
WHERE id = $1
