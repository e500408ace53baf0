-- Takes what was noted of permits that came back, a row for a batch of ends.
DELETE FROM jobs_released_permits RETURNING 'noted', CAST(permits AS BLOB);
