-- Which migrations were applied, and what they said.
CREATE TABLE IF NOT EXISTS jobs_migrations (
    version    INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL,
    checksum   TEXT    NOT NULL,
    applied_at INTEGER NOT NULL
)
