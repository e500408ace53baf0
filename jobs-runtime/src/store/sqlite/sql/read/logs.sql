-- Reads log lines of an execution, after a given line.
-- $1  the id of the execution
-- $2  the attempt of the last line read before
-- $3  the number of that line
-- $4  the only attempt to read; NULL for every attempt
-- $5  the lowest severity
-- $6  the most lines
-- Returns rows: attempt, line, time, level, target, message, fields. One row of NULLs if there is
-- no line, no row if the execution does not exist.
SELECT g.attempt, g.line, g.at, g.level, g.target, g.message, g.fields
FROM (SELECT seq FROM jobs_executions WHERE id = $1) AS x
LEFT JOIN jobs_logs AS g ON g.seq = x.seq
    AND (g.attempt, g.line) > ($2, $3)
    AND ($4 IS NULL OR g.attempt = $4)
    AND g.level >= $5
ORDER BY g.attempt, g.line
LIMIT $6
