-- Returns the tables with the planner's estimate of their rows (-1: never analysed) and with their
-- bytes, indexes and large values included.
SELECT
    c.relname::text AS name,
    c.reltuples::bigint AS row_estimate,
    pg_total_relation_size(c.oid) AS bytes
FROM pg_class AS c
WHERE c.relkind = 'r'
    AND c.relnamespace = (
        SELECT o.relnamespace FROM pg_class AS o WHERE o.oid = 'jobs.executions'::regclass
    )
ORDER BY bytes DESC, name
