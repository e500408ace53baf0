-- Returns whether dispatch is on.
SELECT COUNT(*) = 2
FROM sqlite_schema
WHERE type = 'trigger' AND name IN ('jobs_ready_added', 'jobs_ready_removed')
