-- Records the starts of leased attempts for the limits that are rates.
-- $1  JSON array: [limit, number of attempts, time of the last start]
INSERT INTO jobs_permit_events (limit_id, kind, count, at)
SELECT k.id, 'started', s.value ->> 1, s.value ->> 2
FROM jsonb_each(iif((SELECT MIN(id) FROM jobs_limits WHERE kind = 'rate'), $1, NULL)) AS s
CROSS JOIN jobs_limits AS k ON k.id = s.value ->> 0 AND k.kind = 'rate';
