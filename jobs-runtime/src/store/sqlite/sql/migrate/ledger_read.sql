-- The migrations applied so far.
SELECT version, name, checksum, applied_at FROM jobs_migrations ORDER BY version
