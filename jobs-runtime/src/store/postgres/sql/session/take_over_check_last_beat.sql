-- Checks whether the last beat of the closed session $1 was $2.
SELECT last_beat IS NOT DISTINCT FROM $2 FROM jobs.sessions WHERE id = $1 AND closed_at IS NOT NULL
