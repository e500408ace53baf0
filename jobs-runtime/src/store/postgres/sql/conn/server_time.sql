-- The server's time in milliseconds.
SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint
