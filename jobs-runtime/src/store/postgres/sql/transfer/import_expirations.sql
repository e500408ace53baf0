-- Records the times at which imported executions expire. $1 is a JSON array: [seq, time of expiry].
INSERT INTO jobs.expirations (seq, expires_at)
SELECT (v ->> 0)::bigint, (v ->> 1)::bigint FROM json_array_elements($1::json) AS n (v)
