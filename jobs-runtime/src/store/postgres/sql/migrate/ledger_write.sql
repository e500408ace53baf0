-- Adds a migration to the ledger: version $1, name $2, checksum $3, time of the server, first
-- migration whose programs can use the layout $4.
INSERT INTO jobs.migrations (version, name, checksum, applied_at, compatible_from)
VALUES ($1, $2, $3, (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint, $4)
