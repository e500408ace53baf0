-- Reads up to $4 points of the series $1 with the width $2 from the time $3 on, oldest first.
SELECT at, value
FROM jobs.series
WHERE series = $1 AND width_s = $2 AND at >= $3
ORDER BY at, source
LIMIT $4
