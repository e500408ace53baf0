-- Reads the state of the schema $1 and the privileges of this role.
-- Returns whether the ledger exists, whether the schema exists, whether the role may create what is
-- missing, role, database, and encoding. Reads the system catalogue only, which every role may
-- read.
SELECT
    EXISTS (SELECT 1 FROM pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = 'migrations'),
    n.oid IS NOT NULL,
    CASE
        WHEN n.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
        ELSE has_schema_privilege(n.oid, 'CREATE') AND has_schema_privilege(n.oid, 'USAGE')
    END,
    current_user::text,
    current_database()::text,
    pg_encoding_to_char(d.encoding)::text
FROM pg_database AS d
LEFT JOIN pg_namespace AS n ON n.nspname = $1
WHERE d.datname = current_database()
