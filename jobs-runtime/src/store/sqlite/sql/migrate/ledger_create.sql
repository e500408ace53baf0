-- The ledger of applied migrations. `checksum` is that of the migration's text.
CREATE TABLE IF NOT EXISTS jobs_migrations (
    version    INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL,
    checksum   TEXT    NOT NULL,
    applied_at INTEGER NOT NULL
)
