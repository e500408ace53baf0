-- Starts count against the rates: the array $1 has the limits of attempts that are leased, how many have the
-- same, and when the last of them starts.
INSERT INTO jobs_permit_events (limit_id, kind, count, at)
SELECT l.id, 'started', SUM(s.value ->> 1), MAX(s.value ->> 2)
FROM json_each($1) AS s
CROSS JOIN json_each(s.value ->> 0) AS i
CROSS JOIN jobs_limits AS l ON l.id = i.value AND l.kind = 'rate'
GROUP BY l.id;
