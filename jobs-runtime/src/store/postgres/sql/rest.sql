-- The rates $1 expect their next starts not before $2.
UPDATE jobs.limits AS l
SET arrival = GREATEST(l.arrival, n.arrival)
FROM unnest($1::bigint[], $2::bigint[]) AS n (id, arrival)
WHERE l.id = ANY (ARRAY[n.id])
