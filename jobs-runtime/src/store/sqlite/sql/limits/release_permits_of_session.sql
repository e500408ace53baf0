-- Releases the retained permits of all ended attempts of a session, if the session is closed.
-- $1  the session
INSERT INTO jobs_permit_events (limit_id, kind, count)
SELECT i.value, 'ended', COUNT(*)
FROM jobs_retained_permits AS s
CROSS JOIN json_each(iif(json_valid(s.limits), s.limits, NULL)) AS i
WHERE s.session = $1 AND i.type = 'integer' AND typeof(i.key) = 'integer'
    AND EXISTS (SELECT 1 FROM jobs_sessions WHERE id = $1 AND closed_at IS NOT NULL)
GROUP BY i.value;

DELETE FROM jobs_retained_permits
WHERE session = $1
    AND EXISTS (SELECT 1 FROM jobs_sessions WHERE id = $1 AND closed_at IS NOT NULL);
