-- Finds those of some executions that are final since the same time as before, and as erased.
-- $1  JSON array: [id (hex), time of the end, whether it was erased (1 or 0)]
-- Returns rows: seq, id.
SELECT x.seq, x.id
FROM json_each($1) AS e
CROSS JOIN jobs_executions AS x ON x.id = unhex(e.value ->> 0)
CROSS JOIN jobs_outcomes AS o ON o.seq = x.seq
WHERE o.finished_at = e.value ->> 1 AND (x.erased_at IS NOT NULL) = e.value ->> 2
