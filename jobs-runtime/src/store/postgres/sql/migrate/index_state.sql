-- Reads the state of the index $2 in the schema $1: whether it is complete, and the name of its
-- table. Returns no row if there is no such index.
SELECT i.indisvalid, format('%I.%I', n.nspname, t.relname)
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_class AS t ON t.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2
