-- Exports the log lines of the executions with the seqs $1.
SELECT seq, attempt, line, at, level, target, message, fields
FROM jobs.logs
WHERE seq = ANY ($1::bigint[])
ORDER BY seq, attempt, line
