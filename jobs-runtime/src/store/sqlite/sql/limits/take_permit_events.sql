-- Deletes all permit events.
-- Returns them: limit, kind, count, time.
DELETE FROM jobs_permit_events RETURNING limit_id, kind, count, at
