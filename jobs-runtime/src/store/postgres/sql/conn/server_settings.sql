-- What an acknowledged write survives here, and what to call the server.
SELECT
    current_setting('server_version_num')::integer,
    split_part(current_setting('server_version'), ' ', 1),
    current_setting('synchronous_commit'),
    current_setting('fsync')
