-- Reads log lines.
-- $1  JSON array: seqs of the executions
SELECT seq, attempt, line, at, level, target, message, fields
FROM jobs_logs
WHERE seq IN (SELECT value FROM json_each($1))
ORDER BY seq, attempt, line
