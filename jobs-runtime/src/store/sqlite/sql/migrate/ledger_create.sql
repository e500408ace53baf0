-- Creates the ledger of applied migrations. `checksum` is that of the migration's text. A program
-- that knows the migrations up to `compatible_from` can use the layout.
CREATE TABLE IF NOT EXISTS jobs_migrations (
    version         INTEGER PRIMARY KEY,
    name            TEXT    NOT NULL,
    checksum        TEXT    NOT NULL,
    applied_at      INTEGER NOT NULL,
    compatible_from INTEGER
)
