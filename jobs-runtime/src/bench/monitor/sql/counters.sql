-- The committed transactions of the current database, and the dead tuples of the schema $1.
SELECT
    (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()),
    (SELECT SUM(n_dead_tup)::bigint FROM pg_stat_user_tables WHERE schemaname = $1)
