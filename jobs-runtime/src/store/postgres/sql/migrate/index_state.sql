-- Reads the state of the index $2 in the schema $1: whether it is complete, and whether a build (or
-- a vacuum) of its table runs. Returns no row if there is no such index.
SELECT i.indisvalid, EXISTS (
    SELECT 1
    FROM pg_locks AS k
    WHERE k.relation = i.indrelid AND k.mode = 'ShareUpdateExclusiveLock' AND k.granted
)
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2
