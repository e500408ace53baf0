-- Reads the ledger of applied migrations, in their order.
SELECT version, name, checksum, applied_at FROM jobs.migrations ORDER BY version
