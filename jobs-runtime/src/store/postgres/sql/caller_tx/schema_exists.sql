-- Whether this database has a layout of ours in the schema $1, and the name of the database.
SELECT
    EXISTS (
        SELECT 1
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = 'installation'
    ),
    current_database()::text
