-- Which migrations were applied, and what they said.
CREATE TABLE IF NOT EXISTS jobs.migrations (
    version    integer PRIMARY KEY,
    name       text    NOT NULL,
    checksum   text    NOT NULL,
    applied_at bigint  NOT NULL
)
