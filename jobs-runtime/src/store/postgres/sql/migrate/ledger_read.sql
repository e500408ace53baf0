-- The migrations applied so far.
SELECT version, name, checksum, applied_at FROM jobs.migrations ORDER BY version
