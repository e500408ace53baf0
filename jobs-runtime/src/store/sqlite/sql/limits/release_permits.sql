-- Releases retained permits of ended attempts.
-- $1  JSON array: [seq, session, attempt]
UPDATE jobs_limits
SET in_use = MAX(in_use - p.count, 0),
    check_at = iif(EXISTS (SELECT 1 FROM jobs_blocked AS h WHERE h.limit_id = jobs_limits.id), 0,
        check_at)
FROM (
    SELECT i.value AS id, COUNT(*) AS count
    FROM json_each($1) AS f
    CROSS JOIN jobs_retained_permits AS s
        ON s.seq = f.value ->> 0 AND s.session = f.value ->> 1 AND s.attempt = f.value ->> 2
    CROSS JOIN json_each(iif(json_valid(s.limits), s.limits, NULL)) AS i
    WHERE i.type = 'integer' AND typeof(i.key) = 'integer'
    GROUP BY i.value
) AS p
WHERE jobs_limits.id = p.id AND jobs_limits.kind = 'concurrent';

DELETE FROM jobs_retained_permits
WHERE (seq, session, attempt) IN (
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1)
);
