-- Returns the store that the contents were moved to, or NULL.
SELECT MAX(moved_to) FROM jobs.installation
