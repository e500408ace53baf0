-- Renews the session $1 at the time $2, if it is open: increments its beat.
UPDATE jobs.beats SET beat = beat + 1, renewed_at = $2 WHERE session = $1
