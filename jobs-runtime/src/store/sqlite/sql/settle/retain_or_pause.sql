-- Retains the permits of attempts whose handlers still run, and pauses rates. Runs before the
-- leases are deleted.
-- $22  JSON array: [seq, whether the permits are retained, time until which its rates pause or
--      NULL]
INSERT INTO jobs_retained_permits (seq, attempt, session, limits)
SELECT l.seq, l.attempt, l.session, l.limits
FROM json_each($22) AS s
CROSS JOIN jobs_leases AS l ON l.seq = s.value ->> 0 AND l.limits IS NOT NULL
WHERE s.value ->> 1
    AND EXISTS (SELECT 1 FROM jobs_sessions WHERE id = l.session AND closed_at IS NULL);

-- A closed session releases no retained permits any more, so its permits are released at once.
INSERT INTO jobs_permit_events (limit_id, kind, count)
SELECT i.value, 'ended', COUNT(*)
FROM json_each($22) AS s
CROSS JOIN jobs_leases AS l ON l.seq = s.value ->> 0 AND l.limits IS NOT NULL
CROSS JOIN json_each(iif(json_valid(l.limits), l.limits, NULL)) AS i
WHERE s.value ->> 1 AND i.type = 'integer' AND typeof(i.key) = 'integer'
    AND EXISTS (SELECT 1 FROM jobs_sessions WHERE id = l.session AND closed_at IS NOT NULL)
GROUP BY i.value;

INSERT INTO jobs_permit_events (limit_id, kind, count, at)
SELECT k.id, 'pause', 1, MAX(s.value ->> 2)
FROM json_each($22) AS s
CROSS JOIN jobs_leases AS l ON l.seq = s.value ->> 0 AND l.limits IS NOT NULL
CROSS JOIN json_each(iif(json_valid(l.limits), l.limits, NULL)) AS i
CROSS JOIN jobs_limits AS k ON k.id = i.value AND k.kind = 'rate'
WHERE s.value ->> 2 IS NOT NULL
GROUP BY k.id;
