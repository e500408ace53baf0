-- Returns whether dispatch is on, and whether this role may turn it on or off.
SELECT
    (
        SELECT COUNT(*) = 2
        FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = 'jobs.ready'::regclass AND t.tgname IN ('ready_added', 'ready_removed')
    ),
    pg_catalog.has_table_privilege('jobs.ready', 'TRIGGER')
