-- Notes a migration as applied now, by the server's clock.
INSERT INTO jobs.migrations (version, name, checksum, applied_at)
VALUES ($1, $2, $3, (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint)
