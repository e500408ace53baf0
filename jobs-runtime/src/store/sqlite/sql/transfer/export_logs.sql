-- Reads log lines.
-- $1  the seq of the first execution
-- $2  the seq of the last one
SELECT seq, attempt, line, at, level, target, message, fields
FROM jobs_logs
WHERE seq BETWEEN $1 AND $2
ORDER BY seq, attempt, line
