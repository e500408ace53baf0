-- Does what read_admitted.sql does, with one scan of the index: faster for many limits over many
-- stretches. Also returns executions that are not behind the given rank and seq; the caller drops
-- them.
-- $1  JSON array: [limit, ..]
-- $2  the first stretch
-- $3  the last stretch
SELECT last_limit, seq, rank, limits, IFNULL(admitted_at, 0)
FROM jobs_ready INDEXED BY jobs_ready_by_limit
WHERE last_limit IS NOT NULL AND seq >> 9 BETWEEN $2 AND $3
    AND last_limit IN (SELECT value ->> 0 FROM json_each($1))
ORDER BY rank DESC, seq DESC
