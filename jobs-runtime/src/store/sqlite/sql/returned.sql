-- Takes what was noted of permits that came back, some batches of ends, off the numbers of their limits. Where somebody
-- waits, let in by a program that knows no notes, the limit is looked at at once. What is damaged is nobody's.
UPDATE jobs_limits
SET granted = MAX(granted - e.count, 0),
    look_at = iif(EXISTS (SELECT 1 FROM jobs_held AS h WHERE h.limit_id = jobs_limits.id), 0, look_at)
FROM (
    SELECT p.value AS id, COUNT(*) AS count
    FROM jobs_returned AS r
    CROSS JOIN json_each(iif(json_valid(r.permits), r.permits, NULL)) AS p
    WHERE p.type = 'integer' AND typeof(p.key) = 'integer'
    GROUP BY 1
) AS e
WHERE jobs_limits.id = e.id AND jobs_limits.kind = 'concurrent';

DELETE FROM jobs_returned;
