-- Releases retained permits of ended attempts.
-- $1  JSON array: [seq, session, attempt]
INSERT INTO jobs_permit_events (limit_id, kind, count)
SELECT i.value, 'ended', COUNT(*)
FROM json_each($1) AS f
CROSS JOIN jobs_retained_permits AS s
    ON s.seq = f.value ->> 0 AND s.session = f.value ->> 1 AND s.attempt = f.value ->> 2
CROSS JOIN json_each(iif(json_valid(s.limits), s.limits, NULL)) AS i
WHERE i.type = 'integer' AND typeof(i.key) = 'integer'
GROUP BY i.value;

DELETE FROM jobs_retained_permits
WHERE (seq, session, attempt) IN (
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1)
);
