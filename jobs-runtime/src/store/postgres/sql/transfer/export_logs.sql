-- Exports the log lines of the executions from seq $1 to $2.
SELECT seq, attempt, line, at, level, target, message, fields
FROM jobs.logs
WHERE seq BETWEEN $1 AND $2
ORDER BY seq, attempt, line
