-- Exports the limits of the executions with the seqs $1, in the order of their stages.
SELECT m.seq, l.kind, l.count, l.period_ms, l.key, l.job_id
FROM jobs.limited AS m
CROSS JOIN LATERAL unnest(m.limits) WITH ORDINALITY AS i (id, place)
JOIN jobs.limits AS l ON l.id = ANY (ARRAY[i.id])
WHERE m.seq = ANY ($1::bigint[])
ORDER BY m.seq, i.place
