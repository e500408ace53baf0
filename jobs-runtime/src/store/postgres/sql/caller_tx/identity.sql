-- The name of the layout and the database that it is in, which a copy does not share.
SELECT i.id, d.oid::bigint, EXTRACT(EPOCH FROM pg_postmaster_start_time())::text
FROM jobs.installation AS i
JOIN pg_database AS d ON d.datname = current_database()
