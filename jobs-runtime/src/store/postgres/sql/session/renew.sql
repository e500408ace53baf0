-- Changes the beat of a session that is open.
UPDATE jobs.beats SET beat = beat + 1, renewed_at = $2 WHERE session = $1
