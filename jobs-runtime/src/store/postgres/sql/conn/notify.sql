-- Sends the payloads $2 as notifications on the channel $1.
SELECT pg_notify($1, told) FROM unnest($2::text[]) AS told
