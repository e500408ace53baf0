-- Reads a page of the log of an execution.
-- $1 id, $2 attempt and $3 line to continue after, $4 only this attempt (NULL: all), $5 lowest
-- severity, $6 most lines. Returns one row of NULLs if there is no such line, and no row for an
-- unknown execution.
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
