-- Deletes requests that were taken in: rows with the keys ($1, $2), one array per column.
DELETE FROM jobs.inbox AS i
USING (SELECT unnest($1::bigint[]) AS not_before, unnest($2::bigint[]) AS seq) AS k
WHERE i.not_before = ANY (ARRAY[k.not_before]) AND i.seq = ANY (ARRAY[k.seq])
