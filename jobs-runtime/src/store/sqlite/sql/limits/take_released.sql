-- Deletes all rows of released permits.
-- Returns them: 'released', and a JSON array of limit ids, repeated once per permit.
DELETE FROM jobs_released_permits RETURNING 'released', CAST(permits AS BLOB);
