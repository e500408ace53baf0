-- Whether somebody waits for what has just come back.
SELECT 'wanted', 1
WHERE EXISTS (SELECT 1 FROM jobs_held) AND EXISTS (SELECT 1 FROM jobs_permit_events);
