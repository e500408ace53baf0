-- The rates $1 expect their next starts not before $2.
UPDATE jobs.limits AS l
SET tat = GREATEST(l.tat, n.tat)
FROM unnest($1::bigint[], $2::bigint[]) AS n (id, tat)
WHERE l.id = ANY (ARRAY[n.id])
