-- The log of the execution $1 after the line $3 of attempt $2, at most $6 lines: of attempt $4
-- unless that is NULL, of severity $5 and above. One row without a line if there is none, no row
-- if there is no such execution.
SELECT g.attempt, g.line, g.at, g.level, g.target, g.message, g.fields
FROM (SELECT seq FROM jobs.executions WHERE id = $1) AS x
LEFT JOIN LATERAL (
    SELECT *
    FROM jobs.logs AS l
    WHERE l.seq = x.seq
        AND (l.attempt, l.line) > ($2::bigint, $3::bigint)
        AND ($4::bigint IS NULL OR l.attempt = $4)
        AND l.level >= $5
    ORDER BY l.attempt, l.line
    LIMIT $6
) AS g ON TRUE
ORDER BY g.attempt, g.line
