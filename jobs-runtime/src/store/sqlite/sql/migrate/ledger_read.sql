-- Reads the applied migrations, in their order. The ledger of an earlier build has fewer columns.
SELECT * FROM jobs_migrations ORDER BY version
