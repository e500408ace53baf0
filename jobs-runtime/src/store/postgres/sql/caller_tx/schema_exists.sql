-- Checks whether this database has a schema of this crate under the name $1.
-- Returns the result and the name of the database.
SELECT
    EXISTS (
        SELECT 1
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = 'installation'
    ),
    current_database()::text
