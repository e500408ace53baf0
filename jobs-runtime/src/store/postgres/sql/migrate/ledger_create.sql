-- Creates the ledger of applied migrations, with their checksums.
CREATE TABLE IF NOT EXISTS jobs.migrations (
    version    integer PRIMARY KEY,
    name       text    NOT NULL,
    checksum   text    NOT NULL,
    applied_at bigint  NOT NULL
)
