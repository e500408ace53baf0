-- Reads the server's clock, in milliseconds since the Unix epoch.
SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint
