-- Reads the identity of the schema and of its database, which a copy of either does not share.
-- Returns the installation id, the database's oid and the start time of the server.
SELECT i.id, d.oid::bigint, EXTRACT(EPOCH FROM pg_postmaster_start_time())::text
FROM jobs.installation AS i
JOIN pg_database AS d ON d.datname = current_database()
