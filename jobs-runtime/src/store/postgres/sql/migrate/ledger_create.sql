-- Creates the ledger of applied migrations, with their checksums. A program that knows the
-- migrations up to `compatible_from` can use the layout.
CREATE TABLE IF NOT EXISTS jobs.migrations (
    version         integer PRIMARY KEY,
    name            text    NOT NULL,
    checksum        text    NOT NULL,
    applied_at      bigint  NOT NULL,
    compatible_from integer
)
