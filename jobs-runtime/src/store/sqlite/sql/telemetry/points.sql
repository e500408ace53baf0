-- Reads the points of a series, oldest first.
-- $1  the series
-- $2  the width
-- $3  the earliest time
-- $4  the most points
SELECT at, value
FROM jobs_series
WHERE series = $1 AND width_s = $2 AND at >= $3
ORDER BY at, source
LIMIT $4
