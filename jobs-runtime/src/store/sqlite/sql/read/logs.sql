-- The log of the execution $1 after the line $3 of attempt $2, at most $6 lines: of attempt $4
-- unless that is NULL, of severity $5 and above. One row without a line if there is none, no row
-- if there is no such execution.
SELECT g.attempt, g.line, g.at, g.level, g.target, g.message, g.fields
FROM (SELECT seq FROM jobs_executions WHERE id = $1) AS x
LEFT JOIN jobs_logs AS g ON g.seq = x.seq
    AND (g.attempt, g.line) > ($2, $3)
    AND ($4 IS NULL OR g.attempt = $4)
    AND g.level >= $5
ORDER BY g.attempt, g.line
LIMIT $6
