-- Whether somebody waits for what has just come back, or was just counted, or so much was noted that it shall
-- be counted.
SELECT 'wanted', 1
WHERE EXISTS (SELECT 1 FROM jobs_limits WHERE check_at <= 0)
UNION ALL
SELECT 'wanted', 1
WHERE EXISTS (SELECT 1 FROM jobs_blocked) AND EXISTS (SELECT 1 FROM jobs_permit_events)
UNION ALL
SELECT 'wanted', 1
WHERE (SELECT MAX(id) FROM jobs_released_permits) >= 64;
