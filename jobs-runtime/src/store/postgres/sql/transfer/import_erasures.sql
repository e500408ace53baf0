-- Records the erasures of imported executions from the JSON array $1: seq, time, author.
UPDATE jobs.executions AS x
SET erased_at = (v ->> 1)::bigint, erased_by = v ->> 2
FROM json_array_elements($1::json) AS n (v)
WHERE x.seq = ANY (ARRAY[(v ->> 0)::bigint])
