-- Starts count against the rates, if there are any: the array $1 has limits of attempts that are leased, how many
-- these are, and when the last of them starts.
INSERT INTO jobs_permit_events (limit_id, kind, count, at)
SELECT k.id, 'started', s.value ->> 1, s.value ->> 2
FROM jsonb_each(iif((SELECT MIN(id) FROM jobs_limits WHERE kind = 'rate'), $1, NULL)) AS s
CROSS JOIN jobs_limits AS k ON k.id = s.value ->> 0 AND k.kind = 'rate';
