-- Changes the beat of a session that is open.
UPDATE jobs_sessions SET beat = beat + 1, renewed_at = $2 WHERE id = $1 AND closed_at IS NULL
