-- Writes log lines of attempts that may write. A line that is there is the same line: the answer to
-- the call before was lost.
INSERT INTO jobs.logs (seq, attempt, line, at, level, target, message, fields)
SELECT g.seq, g.attempt, g.line, g.at, g.level, g.target, g.message, g.fields
FROM unnest(
    $1::bigint[], $2::integer[], $3::integer[], $4::bigint[], $5::smallint[], $6::text[],
    $7::text[], $8::text[]
) AS g (seq, attempt, line, at, level, target, message, fields)
ON CONFLICT DO NOTHING
