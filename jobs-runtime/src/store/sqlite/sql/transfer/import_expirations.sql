-- Records the times at which imported executions expire.
-- $1  JSON array: [seq, time of expiry]
INSERT INTO jobs_expirations (seq, expires_at) SELECT value ->> 0, value ->> 1 FROM json_each($1)
