-- Finds the seqs of the executions $1 that ended at the times $2, and were erased or not, as $3
-- says. Returns seq, id and time of the end.
SELECT x.seq, x.id, e.finished_at
FROM unnest($1::uuid[], $2::bigint[], $3::boolean[]) AS e (id, finished_at, is_erased)
JOIN jobs.executions AS x ON x.id = ANY (ARRAY[e.id])
WHERE (x.erased_at IS NOT NULL) = e.is_erased
