-- Renews the open ones among these sessions of external workers.
-- $1  JSON array of sessions
-- $2  the present time
-- Returns their ids.
UPDATE jobs_sessions SET beat = beat + 1, renewed_at = $2
WHERE closed_at IS NULL AND external IS NOT NULL AND id IN (SELECT value FROM json_each($1))
RETURNING id
