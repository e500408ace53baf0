-- Writes log lines of attempts whose fences the caller has checked.
-- $1 seq, $2 attempt, $3 line, $4 time, $5 severity, $6 target, $7 message, $8 fields. An existing
-- line is kept: it is the same line of a repeated call.
INSERT INTO jobs.logs (seq, attempt, line, at, level, target, message, fields)
SELECT g.seq, g.attempt, g.line, g.at, g.level, g.target, g.message, g.fields
FROM unnest(
    $1::bigint[], $2::integer[], $3::integer[], $4::bigint[], $5::smallint[], $6::text[],
    $7::text[], $8::text[]
) AS g (seq, attempt, line, at, level, target, message, fields)
ON CONFLICT DO NOTHING
