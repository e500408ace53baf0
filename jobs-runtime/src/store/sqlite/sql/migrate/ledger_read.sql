-- Reads the applied migrations, in their order.
SELECT version, name, checksum, applied_at FROM jobs_migrations ORDER BY version
