-- Sets the theoretical arrival times of the rates $1 to $2 at least.
UPDATE jobs.limits AS l
SET tat = GREATEST(l.tat, n.tat)
FROM unnest($1::bigint[], $2::bigint[]) AS n (id, tat)
WHERE l.id = ANY (ARRAY[n.id])
