-- Writes points of series. A point replaces the one of the same series, width, time and source.
-- $1  an array of arrays: series, width, time, source, expiry, value
INSERT INTO jobs_series (series, width_s, at, source, expires_at, value)
SELECT
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
FROM json_each($1)
WHERE TRUE
ON CONFLICT (series, width_s, at, source) DO UPDATE SET value = excluded.value
