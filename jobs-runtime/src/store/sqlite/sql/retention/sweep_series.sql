-- Deletes points of series that have expired.
-- $1  the time before which a point must have expired
-- $2  the most points
DELETE FROM jobs_series
WHERE rowid IN (
    SELECT rowid FROM jobs_series WHERE expires_at < $1 ORDER BY expires_at LIMIT $2
)
