-- Tells whether the ledger exists: whether any program has migrated this file.
SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'jobs_migrations')
