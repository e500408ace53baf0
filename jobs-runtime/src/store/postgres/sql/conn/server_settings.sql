-- Reads the server's version, as a number and as text, and its settings of durability.
SELECT
    current_setting('server_version_num')::integer,
    split_part(current_setting('server_version'), ' ', 1),
    current_setting('synchronous_commit'),
    current_setting('fsync')
