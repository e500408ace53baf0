-- Releases the retained permits of all ended attempts of a session, if the session is closed.
-- $1  the session
UPDATE jobs_limits
SET in_use = MAX(in_use - p.count, 0),
    check_at = iif(EXISTS (SELECT 1 FROM jobs_blocked AS h WHERE h.limit_id = jobs_limits.id), 0,
        check_at)
FROM (
    SELECT i.value AS id, COUNT(*) AS count
    FROM jobs_retained_permits AS s
    CROSS JOIN json_each(iif(json_valid(s.limits), s.limits, NULL)) AS i
    WHERE s.session = $1 AND i.type = 'integer' AND typeof(i.key) = 'integer'
        AND EXISTS (SELECT 1 FROM jobs_sessions WHERE id = $1 AND closed_at IS NOT NULL)
    GROUP BY i.value
) AS p
WHERE jobs_limits.id = p.id AND jobs_limits.kind = 'concurrent';

DELETE FROM jobs_retained_permits
WHERE session = $1
    AND EXISTS (SELECT 1 FROM jobs_sessions WHERE id = $1 AND closed_at IS NOT NULL);
