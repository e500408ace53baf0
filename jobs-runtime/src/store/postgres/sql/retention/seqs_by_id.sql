-- Finds the seqs of the executions $1 that ended at the times $2. Returns seq, id and time of the
-- end.
SELECT x.seq, x.id, e.finished_at
FROM unnest($1::uuid[], $2::bigint[]) AS e (id, finished_at)
JOIN jobs.executions AS x ON x.id = ANY (ARRAY[e.id])
