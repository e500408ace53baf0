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
UPDATE jobs_limits
SET in_use = MAX(in_use - p.count, 0),
    check_at = iif(EXISTS (SELECT 1 FROM jobs_blocked AS h WHERE h.limit_id = jobs_limits.id), 0,
        check_at)
FROM (
    SELECT i.value AS id, COUNT(*) AS count
    FROM json_each($22) AS s
    CROSS JOIN jobs_leases AS l ON l.seq = s.value ->> 0 AND l.limits IS NOT NULL
    CROSS JOIN json_each(iif(json_valid(l.limits), l.limits, NULL)) AS i
    WHERE s.value ->> 1 AND i.type = 'integer' AND typeof(i.key) = 'integer'
        AND EXISTS (SELECT 1 FROM jobs_sessions WHERE id = l.session AND closed_at IS NOT NULL)
    GROUP BY i.value
) AS p
WHERE jobs_limits.id = p.id AND jobs_limits.kind = 'concurrent';

UPDATE jobs_limits
SET paused_until = MAX(paused_until, p.until)
FROM (
    SELECT i.value AS id, MAX(s.value ->> 2) AS until
    FROM json_each($22) AS s
    CROSS JOIN jobs_leases AS l ON l.seq = s.value ->> 0 AND l.limits IS NOT NULL
    CROSS JOIN json_each(iif(json_valid(l.limits), l.limits, NULL)) AS i
    WHERE s.value ->> 2 IS NOT NULL
    GROUP BY i.value
) AS p
WHERE jobs_limits.id = p.id AND jobs_limits.kind = 'rate';
