-- Records a migration as applied now, by the database's clock.
-- $1  its version
-- $2  its name
-- $3  its checksum
-- $4  the first migration whose programs can use the layout
INSERT INTO jobs_migrations (version, name, checksum, applied_at, compatible_from)
VALUES ($1, $2, $3, CAST(unixepoch('subsec') * 1000 AS INTEGER), $4)
