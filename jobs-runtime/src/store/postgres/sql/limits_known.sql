-- The limits with the keys $1.
SELECT l.id, l.stage, l.kind, l.count, l.period_ms, l.granted, l.arrival, l.look_at, l.key
FROM unnest($1::text[]) AS n (key)
JOIN jobs.limits AS l ON l.key = ANY (ARRAY[n.key])
