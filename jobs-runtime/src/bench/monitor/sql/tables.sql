-- The tables of the schema $1. Their names need no quotes.
SELECT tablename::text FROM pg_tables WHERE schemaname = $1
