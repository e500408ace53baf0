-- Writes points of the series $1: width $2, time $3, source $4, expiry $5, value $6. A point
-- replaces the one of the same series, width, time and source.
INSERT INTO jobs.series (series, width_s, at, source, expires_at, value)
SELECT *
FROM UNNEST($1::text[], $2::integer[], $3::bigint[], $4::text[], $5::bigint[], $6::text[])
ON CONFLICT (series, width_s, at, source) DO UPDATE SET value = EXCLUDED.value
